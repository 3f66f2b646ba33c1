//! Two traces side by side: their facts, their inputs and outputs, and their spans matched by name.

use maud::{Markup, html};
use mlforge_ui::words::fill;
use mlforge_ui::{Words, number, time};

use super::bulk::Chosen;
use super::facts;
use crate::convert::to_u64;
use crate::domain::trace::Trace;
use crate::domain::trace::span::{INPUTS_ATTRIBUTE, OUTPUTS_ATTRIBUTE, Span, SpanStatus};
use crate::domain::trace::tree::{Beside, SpanTree};
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::pages::experiment::head::Head;
use crate::pages::trace::spans::{self, Spans};
use crate::pages::{Page, Section, parts};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::store::traces;

/// Bytes in HTML of each input and output.
const VALUE_BYTES_MAX: usize = 14_000;
/// Largest number of rows of spans, and of their bytes in HTML.
const ROWS_MAX: usize = 300;
const ROWS_BYTES_MAX: usize = 60_000;
const ROW_BYTES: usize = 420;
/// Pixels by which a row is moved for each ancestor of its spans, and the number of ancestors that count.
const STEP_PX: usize = 12;
const DEPTH_MAX: usize = 8;
/// Number of assessments of a trace.
const ASSESSMENTS_MAX: usize = 5;

/// A trace with its spans.
struct Side {
    trace: Trace,
    spans: Spans,
}

/// Shows two chosen traces. Any other number is refused.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let (site, words) = (call.site, call.site.words());
    let chosen = Chosen::of(&call.params)?;
    let head = Head::read(chosen.experiment).await?;
    let page = Page::new(&call, Section::Experiments, words.traces.compare_title)
        .step(head.experiment.name.clone(), head.address(site, ""))
        .step(words.traces.title, chosen.table(site));
    let [one, other] = chosen.traces.as_slice() else {
        let main = html! {
            div.head { div { h1 { (words.traces.compare_title) } } }
            p { (words.traces.choose_two) }
            br;
            p.row { a.btn.pri href=(chosen.table(site)) { (words.traces.back_to_traces) } }
        };
        return Ok(page.answer_with(400, &main));
    };
    let mut sides = Vec::new();
    for id in [one, other] {
        let trace = traces::load(id).await?.trace;
        if trace.experiment != chosen.experiment {
            return Err(id.not_found());
        }
        let spans = spans::read(&trace).await?;
        sides.push(Side { trace, spans });
    }
    let [one, other] = sides.as_slice() else {
        return Err(Error::Corrupt("two traces".to_owned()));
    };
    Ok(page.answer(&html! {
        div.head { div { h1 { (words.traces.compare_title) } } }
        (facts_table(site, [one, other]))
        (values(words, [one, other]))
        (span_table(words, [one, other]))
    }))
}

/// A row of the facts: its name, and the fact of each trace.
type Fact = (&'static str, [Markup; 2]);

fn facts_table(site: &Site, sides: [&Side; 2]) -> Markup {
    let words = site.words();
    let own = &words.traces;
    let text = |text: String| html! { (text) };
    let rows: [Fact; 7] = [
        (
            words.common.status,
            sides.map(|side| facts::state(words, side.trace.state, false)),
        ),
        (
            own.time,
            sides.map(|side| time::ago(words, side.trace.start_ms, now_ms())),
        ),
        (
            own.duration,
            sides.map(|side| text(facts::duration(words, &side.trace))),
        ),
        (
            own.spans,
            sides.map(|side| text(number::count(to_u64(side.spans.all.len())))),
        ),
        (
            own.tokens,
            sides.map(|side| text(facts::tokens(&side.trace).total.map(number::step).unwrap_or_default())),
        ),
        (
            own.cost,
            sides.map(|side| text(facts::cost(&side.trace).map(facts::cost_text).unwrap_or_default())),
        ),
        (
            own.assessments,
            sides.map(|side| facts::assessments(words, &side.trace, ASSESSMENTS_MAX)),
        ),
    ];
    html! {
        section aria-label=(words.registry.details) {
            div.scroll tabindex="0" role="region" aria-label=(own.facts_table) {
                table {
                    caption.vh { (own.facts_table) }
                    thead {
                        tr {
                            td {}
                            @for side in sides {
                                th scope="col" { a href=(facts::address_of(site, &side.trace.id)) { bdi { (facts::name_of(&side.trace)) } } }
                            }
                        }
                    }
                    tbody {
                        @for (name, values) in &rows {
                            tr { th.mut scope="row" { (name) } @for value in values { td { (value) } } }
                        }
                    }
                }
            }
        }
    }
}

/// The inputs and outputs of the roots.
fn values(words: &Words, sides: [&Side; 2]) -> Markup {
    let of = |side: &Side, key: &str| {
        let root = side.spans.all.first().and_then(|root| root.attribute(key));
        root.map(|value| value.pretty(VALUE_BYTES_MAX)).unwrap_or_default()
    };
    let pairs = [
        (words.traces.input, INPUTS_ATTRIBUTE),
        (words.traces.output, OUTPUTS_ATTRIBUTE),
    ];
    html! {
        @for (title, key) in pairs {
            @let [one, other] = sides.map(|side| of(side, key));
            section aria-label=(title) {
                div.bar {
                    h2 { (title) }
                    span.mut { (if one == other { words.traces.same } else { words.traces.different }) }
                }
                div.half {
                    @for text in [&one, &other] {
                        @let shown = parts::clipped(text, VALUE_BYTES_MAX);
                        pre.code tabindex="0" { bdi { (shown) @if shown.len() < text.len() { "…" } } }
                    }
                }
            }
        }
    }
}

fn span_table(words: &Words, sides: [&Side; 2]) -> Markup {
    let own = &words.traces;
    let [one, other] = sides.map(|side| SpanTree::new(&side.spans.all));
    let rows = one.beside(&other);
    let shown = parts::fitting(rows.iter().take(ROWS_MAX), ROWS_BYTES_MAX, |row| {
        ROW_BYTES + parts::html_bytes(&parts::name(name_of(row)))
    });
    let rest = rows.len() - shown;
    html! {
        section aria-labelledby="spans" {
            div.bar { h2 #spans { (own.spans) } }
            div.scroll tabindex="0" role="region" aria-label=(own.spans_beside) {
                table.runs {
                    caption.vh { (own.spans_beside) }
                    thead {
                        tr {
                            th.pin scope="col" { (own.span) }
                            @for side in sides { th.num scope="col" { bdi { (facts::name_of(&side.trace)) } } }
                            th.num scope="col" { (own.difference) }
                        }
                    }
                    tbody { @for row in rows.iter().take(shown) { (span_row(words, row)) } }
                }
            }
            @if rest > 0 { p.mut { (fill(own.and_more, &[&rest.to_string()])) } }
        }
    }
}

fn name_of<'a>(row: &Beside<'a>) -> &'a str {
    row.one.or(row.other).map_or("", |span| span.name.as_str())
}

fn span_row(words: &Words, row: &Beside<'_>) -> Markup {
    let took = |span: &Span| span.end_ns.saturating_sub(span.start_ns);
    let cell = |span: Option<&Span>| {
        let is_error = span.is_some_and(|span| span.status == SpanStatus::Error);
        html! { td.num.fail[is_error] { @match span { Some(span) => (time::latency(words, took(span))), None => "–" } } }
    };
    let difference = row
        .one
        .zip(row.other)
        .map(|(one, other)| match took(other).checked_sub(took(one)) {
            Some(more) => format!("+{}", time::latency(words, more)),
            None => format!("−{}", time::latency(words, took(one) - took(other))),
        });
    html! {
        tr {
            th.pin scope="row" {
                div {
                    @if row.depth > 0 { svg width=(STEP_PX * row.depth.min(DEPTH_MAX)) height="1" aria-hidden="true" {} }
                    span.cut { bdi { (parts::name(name_of(row))) } }
                }
            }
            (cell(row.one))
            (cell(row.other))
            td.num.mut { (difference.unwrap_or_default()) }
        }
    }
}
