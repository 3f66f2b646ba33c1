//! The tables of the numbers that charts show, for those who do not see them or want to read them.

use maud::{Markup, html};

use super::line::{DrawnSeries, LineChart};
use super::{Axis, Point, label, ticks};
use crate::number::{metric, step};
use crate::time::{duration, exact_time};
use crate::words::{Words, fill};

/// Largest number of columns and of rows of a table, and of its cells.
const COLUMNS_MAX: usize = 20;
const ROWS_MAX: usize = 12;
const CELLS_MAX: usize = 100;
/// Largest number of columns with which a table has a row for the end of each line.
const COLUMNS_WITH_ENDS_MAX: usize = 6;

/// A table that opens below a chart. `head` and `rows` are cells.
pub(super) fn table(words: &Words, label: &str, head: &Markup, rows: &[Markup]) -> Markup {
    html! {
        details {
            summary.small.mut { (words.charts.numbers) }
            div.scroll tabindex="0" role="region" aria-label=(label) {
                table.runs {
                    caption.vh { (label) }
                    thead { tr { (head) } }
                    tbody { @for row in rows { tr { (row) } } }
                }
            }
        }
    }
}

/// The table of a chart of lines: at some places the value of each line, which is its last one up to there.
pub(super) fn of_lines(words: &Words, chart: &LineChart<'_>, drawn: &[DrawnSeries<'_>], label: &str) -> Markup {
    let chosen = || drawn.iter().filter(|drawn| drawn.series.mark.colour().is_some());
    let columns: Vec<&DrawnSeries<'_>> = match chosen().count() {
        0 => drawn.iter().take(COLUMNS_MAX).collect(),
        _ => chosen().take(COLUMNS_MAX).collect(),
    };
    let rows = places(&columns);
    if rows.is_empty() {
        return html! {};
    }
    let first = match chart.axis {
        Axis::Step => words.charts.step,
        Axis::Time => words.charts.time,
        Axis::Relative => words.charts.relative,
        Axis::Run => words.charts.run,
    };
    let head = html! {
        th.num scope="col" { (first) }
        @for column in &columns { th.num scope="col" { bdi { (name(words, column)) } } }
    };
    let row = |x: &f64| {
        html! {
            th.num scope="row" { (place(words, chart.axis, *x)) }
            @for column in &columns { td.num { (value_at(&column.points, *x).map_or_else(|| "–".to_owned(), metric)) } }
        }
    };
    let rows: Vec<Markup> = rows.iter().map(row).collect();
    html! {
        (table(words, label, &head, &rows))
        @if columns.len() < drawn.len() { p.vh { (words.charts.other_lines) } }
    }
}

fn name(words: &Words, column: &DrawnSeries<'_>) -> String {
    let name = label::cut(column.series.name);
    if column.series.is_running {
        fill(words.charts.running, &[&name])
    } else {
        name
    }
}

fn place(words: &Words, axis: Axis, x: f64) -> Markup {
    let whole = ticks::whole(x);
    match axis {
        Axis::Step | Axis::Run => html! { (step(whole)) },
        Axis::Time => exact_time(whole),
        Axis::Relative => html! { (duration(words, whole)) },
    }
}

/// The places of the rows: evenly along the longest line, and the end of each.
fn places(columns: &[&DrawnSeries<'_>]) -> Vec<f64> {
    let Some(longest) = columns.iter().max_by_key(|column| column.points.len()) else {
        return Vec::new();
    };
    let count = (CELLS_MAX / columns.len()).clamp(3, ROWS_MAX);
    let last = longest.points.len().saturating_sub(1);
    let even = (0..count).map(|row| last * row / (count - 1));
    let mut places: Vec<f64> = even
        .filter_map(|index| longest.points.get(index).map(|point| point.x))
        .collect();
    if columns.len() <= COLUMNS_WITH_ENDS_MAX {
        places.extend(
            columns
                .iter()
                .filter_map(|column| column.points.last())
                .map(|point| point.x),
        );
    }
    places.sort_by(f64::total_cmp);
    places.dedup();
    places
}

/// The last value of a line up to a place. `None`: the line has not begun, or has ended before.
fn value_at(points: &[Point], x: f64) -> Option<f64> {
    let is_within = points.last().is_some_and(|last| last.x >= x);
    let count = points.partition_point(|point| point.x <= x);
    let found = points.get(count.checked_sub(1)?).map(|point| point.y);
    found.filter(|_| is_within)
}
