//! Params and metrics of runs side by side.

use maud::{Markup, html};
use mlforge_ui::chart::{Mark, as_logged};
use mlforge_ui::number::{full, is_number, metric};

use super::asked::Asked;
use crate::domain::lifecycle::Stage;
use crate::domain::metric::Point;
use crate::pages::columns::{self, Column, ParamText, differs};
use crate::pages::parts;
use crate::request::site::Site;

/// Largest number of cells of a page.
const CELLS_MAX: usize = 400;
/// Largest number of bytes in HTML of names and values of a page, but for those of the row that passes it.
const BYTES_MAX: usize = 24_000;

/// A row: a param or a metric.
pub(super) enum Row<'a> {
    /// The name of a param, and its value of each run.
    Param(&'a str, Vec<Option<&'a ParamText>>),
    /// The name of a metric, and its newest point of each run.
    Metric(&'a str, Vec<Option<Point>>),
}

/// All rows that are asked for: the params by name, and then the metrics.
pub(super) fn rows<'a>(asked: &Asked<'_>, columns: &'a [Column]) -> impl Iterator<Item = Row<'a>> {
    let mut metrics = columns::metric_names(columns);
    metrics.sort_unstable();
    let params = columns::param_names(columns)
        .into_iter()
        .map(|name| Row::param(columns, name));
    let all = params.chain(metrics.into_iter().map(|name| Row::metric(columns, name)));
    let only_differences = asked.only_differences;
    all.filter(move |row| !only_differences || row.differs())
}

impl<'a> Row<'a> {
    fn param(columns: &'a [Column], name: &'a str) -> Self {
        Row::Param(name, columns.iter().map(|column| column.params.get(name)).collect())
    }

    fn metric(columns: &[Column], name: &'a str) -> Self {
        let points = columns.iter().map(|column| column.metrics.get(name).copied());
        Row::Metric(name, points.collect())
    }

    fn differs(&self) -> bool {
        match self {
            Row::Param(_, values) => differs(values),
            Row::Metric(_, points) => differs(&bits(points)),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Row::Param(name, values) => {
                let texts = values.iter().flatten().map(|value| parts::html_bytes(&value.text));
                2 * parts::html_bytes(name) + texts.sum::<usize>()
            }
            Row::Metric(name, _) => 2 * parts::html_bytes(name),
        }
    }
}

fn bits(points: &[Option<Point>]) -> Vec<Option<u64>> {
    let bits = points.iter().map(|point| point.map(|point| point.value.to_bits()));
    bits.collect()
}

/// The rows of a page, and the number of the first row of the next one.
struct Rows<'a> {
    shown: Vec<Row<'a>>,
    next: Option<usize>,
    /// True if there is a row on another page.
    has_any: bool,
}

impl<'a> Rows<'a> {
    fn of(asked: &Asked<'_>, columns: &'a [Column]) -> Self {
        let (mut shown, mut bytes, mut next, mut has_any) = (Vec::new(), 0, None, false);
        for (index, row) in rows(asked, columns).enumerate() {
            has_any = true;
            if index < asked.from {
                continue;
            }
            if (shown.len() + 1) * columns.len() > CELLS_MAX || bytes > BYTES_MAX {
                next = Some(index);
                break;
            }
            bytes += row.bytes();
            shown.push(row);
        }
        Rows { shown, next, has_any }
    }
}

/// The section with the table.
pub(super) fn section(site: &Site, asked: &Asked<'_>, columns: &[Column]) -> Markup {
    let words = site.words();
    let rows = Rows::of(asked, columns);
    let address = asked.address(site);
    let all = address.clone().without("only");
    let only = all.clone().with("only", "differ");
    let first = (asked.from > 0).then(|| address.to_string());
    let next = rows.next.map(|next| address.with("from", next.to_string()).to_string());
    html! {
        section aria-labelledby="values" {
            div.bar {
                h2 #values { (words.compare.side_by_side) }
                nav.seg aria-label=(words.compare.rows) {
                    a href=(only) aria-current=[asked.only_differences.then_some("true")] { (words.compare.differences) }
                    a href=(all) aria-current=[(!asked.only_differences).then_some("true")] { (words.compare.all) }
                }
                a.btn href=(asked.file(site, "csv")) download { (words.common.csv) }
                a.btn href=(asked.file(site, "json")) { (words.common.json) }
            }
            @if rows.shown.is_empty() && !rows.has_any {
                p.mut { (if asked.only_differences { words.compare.no_differences } else { words.compare.nothing }) }
            } @else {
                (table(site, columns, &rows.shown))
            }
            (parts::pager(words, first.as_deref(), next.as_deref()))
        }
    }
}

fn table(site: &Site, columns: &[Column], rows: &[Row<'_>]) -> Markup {
    let words = site.words();
    let first_metric = rows.iter().position(|row| matches!(row, Row::Metric(..)));
    let (params, metrics) = rows.split_at(first_metric.unwrap_or(rows.len()));
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.compare.region) {
            table.runs {
                caption.vh { (words.compare.region) }
                thead {
                    tr {
                        th.pin scope="col" { (words.compare.parameter_or_metric) }
                        @for (index, column) in columns.iter().enumerate() { (head(site, index, column)) }
                    }
                }
                @if !params.is_empty() { tbody { @for row in params { (cells(row)) } } }
                @if !metrics.is_empty() {
                    tbody class=[(!params.is_empty()).then_some("top2")] { @for row in metrics { (cells(row)) } }
                }
            }
        }
    }
}

/// The head of a run's column. The key of its line stands beside its name.
fn head(site: &Site, index: usize, column: &Column) -> Markup {
    let words = site.words();
    html! {
        th scope="col" {
            span.hd {
                (parts::status_mark(words, column.status))
                (Mark::nth(index).key())
                a href=(site.page(&format!("candidates/{}", column.id))) title=(column.name) {
                    bdi { (column.name.chars().take(HEAD_CHARS_MAX).collect::<String>()) }
                }
                @if column.stage == Stage::Deleted { " (" (words.common.deleted) ")" }
            }
        }
    }
}

/// Longest name in a head, in characters. The style sheet cuts it earlier.
const HEAD_CHARS_MAX: usize = 60;

fn cells(row: &Row<'_>) -> Markup {
    match row {
        Row::Param(name, values) => param_cells(name, values),
        Row::Metric(name, points) => metric_cells(name, points),
    }
}

fn param_cells(name: &str, values: &[Option<&ParamText>]) -> Markup {
    let first = values.first().copied().flatten();
    let are_numbers = values.iter().flatten().all(|value| is_number(&value.text));
    let class = |index: usize, value: Option<&ParamText>| {
        let mark = match index {
            0 => "",
            _ if value == first => "same",
            _ => "dif",
        };
        let number = if are_numbers { "num" } else { "" };
        format!("{mark} {number}").trim().to_owned()
    };
    html! {
        tr {
            th.pin scope="row" title=(name) { bdi { (name) } }
            @for (index, value) in values.iter().enumerate() {
                td class=[Some(class(index, *value)).filter(|class| !class.is_empty())] {
                    @match value {
                        Some(value) => bdi { (value.text) @if value.is_cut { "…" } },
                        None => "–",
                    }
                }
            }
        }
    }
}

fn metric_cells(name: &str, points: &[Option<Point>]) -> Markup {
    let values: Vec<Option<f64>> = points
        .iter()
        .map(|point| point.map(|point| as_logged(point.value)))
        .collect();
    let first = values.first().copied().flatten();
    let best = best(name, &values);
    html! {
        tr {
            th.pin scope="row" title=(name) { bdi { (name) } }
            @for (index, value) in values.iter().enumerate() {
                td.num {
                    @match value {
                        Some(value) => {
                            span.best[best == Some(*value)] title=(full(*value)) { (metric(*value)) }
                            @if let Some(change) = change(first, *value).filter(|_| index > 0) {
                                " " span.mut.small { (change) }
                            }
                        },
                        None => "–",
                    }
                }
            }
        }
    }
}

/// The difference to the first run, with its sign. `None`: there is none, or one of the two is no finite number.
fn change(first: Option<f64>, value: f64) -> Option<String> {
    let change = value - first?;
    let is_shown = change.is_finite() && change != 0.0;
    is_shown.then(|| {
        let sign = if change > 0.0 { "+" } else { "" };
        format!("{sign}{}", metric(change))
    })
}

/// Parts of names that tell which direction is better.
const LOWER_IS_BETTER: [&str; 8] = ["loss", "error", "rmse", "mse", "mae", "mape", "perplexity", "latency"];
const HIGHER_IS_BETTER: [&str; 8] = ["acc", "f1", "auc", "precision", "recall", "r2", "score", "map"];

/// The best value of a metric. `None`: its name does not tell what is better, or all values are the same.
fn best(name: &str, values: &[Option<f64>]) -> Option<f64> {
    let name = name.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let finite = values.iter().copied().flatten().filter(|value| value.is_finite());
    let lowest = finite.clone().reduce(f64::min)?;
    let highest = finite.reduce(f64::max)?;
    if lowest.to_bits() == highest.to_bits() {
        return None;
    }
    if has(&LOWER_IS_BETTER) {
        Some(lowest)
    } else {
        has(&HIGHER_IS_BETTER).then_some(highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_metric_tells_which_value_is_best() {
        let values = [Some(1.0), None, Some(2.0), Some(f64::NAN)];
        assert_eq!(best("val_loss", &values), Some(1.0));
        assert_eq!(best("val_acc", &values), Some(2.0));
        assert_eq!(best("epochs", &values), None);
        assert_eq!(best("loss", &[Some(1.0), Some(1.0)]), None);
    }

    #[test]
    fn a_change_has_a_sign() {
        assert_eq!(change(Some(0.5), 0.75).as_deref(), Some("+0.2500"));
        assert_eq!(change(Some(0.5), 0.25).as_deref(), Some("−0.2500"));
        for none in [change(Some(0.5), 0.5), change(None, 1.0), change(Some(f64::NAN), 1.0)] {
            assert_eq!(none, None);
        }
    }
}
