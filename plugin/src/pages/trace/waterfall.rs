//! The waterfall: the spans of a trace in a table, each with its place in the time of the trace.

use maud::{Markup, html};
use mlforge_ui::words::fill;
use mlforge_ui::{Words, number, time};

use super::View;
use super::span::{kind_class, status, took};
use crate::convert::to_u64;
use crate::domain::trace::id::hex;
use crate::domain::trace::span::Span;
use crate::domain::trace::tree::TreeRow;
use crate::pages::parts;

/// Largest number of rows on a page, and of their bytes in HTML.
const ROWS_MAX: usize = 100;
const ROWS_BYTES_MAX: usize = 42_000;
/// Number of rows that always fit, and of those that are shown before the one of the chosen span.
const FIRST_ROWS: usize = 25;
const ROWS_BEFORE: usize = 10;
/// Bytes in HTML of a row without its texts and its address.
const ROW_BYTES: usize = 620;
/// Pixels by which a row is moved for each ancestor of its span, and the number of ancestors that count.
const STEP_PX: usize = 12;
const DEPTH_MAX: usize = 8;
/// Parts into which the time is cut. A place is a number of them.
const PARTS: u128 = 10_000;
/// Number of parts that the shortest bar has.
const BAR_PARTS_MIN: u128 = 40;

/// The time of all spans.
struct Times {
    start_ns: u64,
    length_ns: u64,
}

impl Times {
    fn of(spans: &[Span]) -> Self {
        let start_ns = spans.iter().map(|span| span.start_ns).min().unwrap_or(0);
        let end_ns = spans
            .iter()
            .map(|span| span.end_ns.max(span.start_ns))
            .max()
            .unwrap_or(0);
        Times {
            start_ns,
            length_ns: end_ns.saturating_sub(start_ns).max(1),
        }
    }

    /// The number of parts that a time is after the start.
    fn place(&self, ns: u64) -> u128 {
        let passed = u128::from(ns.saturating_sub(self.start_ns));
        (passed * PARTS / u128::from(self.length_ns)).min(PARTS)
    }
}

/// Parts as per cent.
fn percent(parts: u128) -> String {
    format!("{}.{:02}%", parts / 100, parts % 100)
}

/// Draws the waterfall from a row on. Without one it has the row of the chosen span.
pub(super) fn draw(view: &View<'_>, from: Option<usize>) -> Markup {
    let words = view.call.site.words();
    if view.rows.is_empty() {
        return html! {};
    }
    let chosen = view.rows.iter().position(|row| is_chosen(view, row.span));
    let from = from.filter(|from| *from < view.rows.len());
    // A row that is not among the first ones stands near the top.
    let near = |at: usize| if at < FIRST_ROWS { 0 } else { at - ROWS_BEFORE };
    let from = from.unwrap_or_else(|| chosen.map_or(0, near));
    let address = facts_bytes(view);
    let rows = || view.rows.iter().skip(from).take(ROWS_MAX);
    let shown = parts::fitting(rows(), ROWS_BYTES_MAX, |row| {
        ROW_BYTES + address + parts::html_bytes(&parts::name(&row.span.name)) + parts::html_bytes(&kind_of(row.span))
    });
    let times = Times::of(&view.spans.all);
    html! {
        section aria-labelledby="spans" {
            h2.vh #spans { (words.traces.spans) }
            div.scroll tabindex="0" role="region" aria-label=(words.traces.spans_over_time) {
                table.runs {
                    caption.vh { (words.traces.spans_over_time) }
                    (heads(words, &times))
                    tbody { @for row in rows().take(shown) { (self::row(view, row, &times)) } }
                }
            }
            (pager(view, from, shown))
        }
    }
}

fn facts_bytes(view: &View<'_>) -> usize {
    view.address().to_string().len()
}

fn kind_of(span: &Span) -> String {
    parts::name(span.kind_of_work())
}

fn is_chosen(view: &View<'_>, span: &Span) -> bool {
    view.chosen.is_some_and(|chosen| chosen.id == span.id)
}

fn heads(words: &Words, times: &Times) -> Markup {
    let quarter = |count: u64| time::latency(words, times.length_ns / 4 * count);
    let all = time::latency(words, times.length_ns);
    html! {
        thead {
            tr {
                th.pin scope="col" { (words.traces.span) }
                th.opt scope="col" { (words.traces.kind) }
                th.num scope="col" { (words.traces.duration) }
                th.wide scope="col" {
                    span.vh { (words.traces.over_time) }
                    svg width="100%" height="16" fill="currentColor" aria-hidden="true" {
                        text y="12" { "0" }
                        text.opt x="25%" y="12" text-anchor="middle" { (quarter(1)) }
                        text.opt x="50%" y="12" text-anchor="middle" { (quarter(2)) }
                        text.opt x="75%" y="12" text-anchor="middle" { (quarter(3)) }
                        text x="100%" y="12" text-anchor="end" { (all) }
                    }
                }
            }
        }
    }
}

fn row(view: &View<'_>, row: &TreeRow<'_>, times: &Times) -> Markup {
    let (words, span) = (view.call.site.words(), row.span);
    let address = view.address().with("span", hex(&span.id));
    let current = is_chosen(view, span).then_some("true");
    html! {
        tr aria-current=[current] {
            th.pin scope="row" {
                div {
                    @if row.depth > 0 {
                        svg width=(STEP_PX * row.depth.min(DEPTH_MAX)) height="1" aria-hidden="true" {}
                        span.vh { (fill(words.traces.level, &[&(row.depth + 1).to_string()])) }
                    }
                    (status(words, span.status))
                    a.cut href={ (address) "#span" } { bdi { (parts::name(&span.name)) } }
                }
            }
            td.mut.small.opt { bdi { (kind_of(span)) } }
            td.num { (took(words, span)) }
            td.wide { (bar(words, span, times)) }
        }
    }
}

/// The place of a span in the time of the trace. The bar of a span without an end goes on to the end of the trace.
fn bar(words: &Words, span: &Span, times: &Times) -> Markup {
    let start = times.place(span.start_ns);
    let end = if span.end_ns == 0 {
        PARTS
    } else {
        times.place(span.end_ns)
    };
    let width = end.saturating_sub(start).max(BAR_PARTS_MIN);
    let start = start.min(PARTS - width);
    let since = |ns: u64| time::latency(words, ns.saturating_sub(times.start_ns));
    let label = fill(words.traces.from_to, &[&since(span.start_ns), &since(span.end_ns)]);
    html! {
        svg width="100%" height="16" role="img" aria-label=(label) {
            @for place in ["25%", "50%", "75%"] { line.grid x1=(place) x2=(place) y2="16" {} }
            rect class=(kind_class(span)) x=(percent(start)) width=(percent(width)) y="3" height="10" rx="2" {}
        }
    }
}

/// The rows that are shown, and the links to the others.
fn pager(view: &View<'_>, from: usize, shown: usize) -> Markup {
    let (words, all) = (view.call.site.words(), view.rows.len());
    let span = view.chosen.map(|span| hex(&span.id)).unwrap_or_default();
    let page = |from: usize| {
        view.address()
            .with_filled("span", &span)
            .with("from", from.to_string())
            .to_string()
    };
    let count = |count: usize| number::count(to_u64(count));
    let next = (from + shown < all).then(|| page(from + shown));
    let first = (from > 0).then(|| page(0));
    html! {
        @if first.is_some() || next.is_some() {
            div.bulk {
                span.mut { (fill(words.traces.rows_of, &[&count(from + 1), &count(from + shown), &count(all)])) }
                span.end.row { (parts::pager(words, first.as_deref(), next.as_deref())) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_bar_lies_in_the_time_of_the_trace(times in prop::collection::vec(any::<(u64, u64)>(), 1..5)) {
            let span = |(start_ns, end_ns): &(u64, u64)| Span { start_ns: *start_ns, end_ns: *end_ns, ..Span::default() };
            let spans: Vec<Span> = times.iter().map(span).collect();
            let of = Times::of(&spans);
            for span in &spans {
                prop_assert!(of.place(span.start_ns) <= PARTS && of.place(span.end_ns) <= PARTS);
            }
        }
    }

    #[test]
    fn parts_are_shown_as_per_cent() {
        assert_eq!(
            (percent(0), percent(705), percent(PARTS)),
            ("0.00%".to_owned(), "7.05%".to_owned(), "100.00%".to_owned())
        );
    }
}
