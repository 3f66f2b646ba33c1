//! The table of traces, and the form around it that takes the chosen ones.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::words::fill;
use mlforge_ui::{number, time};

use super::asked::{Asked, Sort};
use super::{address_of, facts};
use crate::domain::name::cut;
use crate::domain::trace::{SESSION, Trace};
use crate::host::clock::now_ms;
use crate::pages::parts;
use crate::request::call::Call;
use crate::request::site::Site;

/// Number of characters of a preview, or a session, in the table.
const PREVIEW_CHARS_MAX: usize = 80;
const SESSION_CHARS_MAX: usize = 30;
/// Number of assessments of a trace in the table.
const ASSESSMENTS_MAX: usize = 3;
/// Bytes in HTML of a row without its texts.
const ROW_BYTES: usize = 1_100;

/// About the number of bytes in HTML of a trace's row.
pub(super) fn row_bytes(trace: &Trace) -> usize {
    let preview = |text: &Option<String>| text.as_deref().map_or(0, |text| parts::html_bytes(&preview_of(text)));
    let session = trace.metadatum(SESSION).unwrap_or_default();
    ROW_BYTES
        + 2 * parts::html_bytes(&facts::name_of(trace))
        + preview(&trace.request_preview)
        + preview(&trace.response_preview)
        + 3 * session.len()
        + 4 * trace.id.as_str().len()
        + facts::assessment_bytes(trace, ASSESSMENTS_MAX)
}

/// The beginning of a preview in one line.
pub(super) fn preview_of(text: &str) -> String {
    let mut start = cut(text.to_owned(), PREVIEW_CHARS_MAX);
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// The table, and what can be done with chosen traces.
pub(super) fn form(call: &Call<'_>, asked: &Asked<'_>, traces: &[Trace], pager: &Markup) -> Markup {
    let (site, words) = (call.site, call.site.words());
    html! {
        form action=(address_of(site, asked.experiment, "/traces/compare")) {
            input type="hidden" name="back" value=(asked.back(site));
            div.scroll tabindex="0" role="region" aria-label=(words.traces.table) {
                table.runs {
                    caption.vh { (words.traces.table) }
                    thead { (heads(site, asked)) }
                    tbody { @for trace in traces { (row(site, trace)) } }
                }
            }
            div.bulk {
                button.btn { (words.traces.compare) }
                @if call.may_write {
                    button.btn.bad formaction=(address_of(site, asked.experiment, "/traces/delete")) { (words.common.delete) }
                }
                span.cnt.mut { (words.experiment_page.chosen) }
                span.end.row { (pager) }
            }
        }
    }
}

fn heads(site: &Site, asked: &Asked<'_>) -> Markup {
    let words = site.words();
    html! {
        tr {
            th.pin scope="col" aria-sort=[sorted(asked, Sort::Name)] { (head(site, asked, Sort::Name)) }
            th scope="col" aria-sort=[sorted(asked, Sort::State)] { (head(site, asked, Sort::State)) }
            th scope="col" aria-sort=[sorted(asked, Sort::Time)] { (head(site, asked, Sort::Time)) }
            th.num scope="col" aria-sort=[sorted(asked, Sort::Duration)] { (head(site, asked, Sort::Duration)) }
            th.num scope="col" { (words.traces.tokens) }
            th.num scope="col" { (words.traces.cost) }
            th scope="col" { (words.traces.input) }
            th scope="col" { (words.traces.output) }
            th scope="col" { (words.traces.assessments) }
            th scope="col" aria-sort=[sorted(asked, Sort::Session)] { (head(site, asked, Sort::Session)) }
        }
    }
}

fn sorted(asked: &Asked<'_>, sort: Sort) -> Option<&'static str> {
    let word = if asked.is_descending { "descending" } else { "ascending" };
    (asked.sort == Some(sort)).then_some(word)
}

/// The link that sorts by a column, or turns the order if traces are sorted by it.
fn head(site: &Site, asked: &Asked<'_>, sort: Sort) -> Markup {
    let is_current = asked.sort == Some(sort);
    let is_descending = if is_current {
        !asked.is_descending
    } else {
        sort.is_descending_first()
    };
    let address = asked.address(site, "/traces").set("sort", sort.word()).without("desc");
    let address = address.with_filled("desc", if is_descending { "1" } else { "" });
    let icon = if asked.is_descending {
        Icon::Descending
    } else {
        Icon::Ascending
    };
    html! {
        a href=(address) rel="nofollow" { (sort.label(site.words())) @if is_current { (icon.draw()) } }
    }
}

fn row(site: &Site, trace: &Trace) -> Markup {
    let (words, name) = (site.words(), facts::name_of(trace));
    let tokens = facts::tokens(trace);
    let preview = |text: &Option<String>| {
        html! { @if let Some(text) = text { bdi { (preview_of(text)) } } }
    };
    html! {
        tr {
            th.pin scope="row" {
                div {
                    input type="checkbox" name="trace" value=(trace.id) aria-label=(fill(words.experiment_page.choose_run, &[&name]));
                    (facts::state(words, trace.state, true))
                    a.cut href=(facts::address_of(site, &trace.id)) { bdi { (name) } }
                }
            }
            td.mut { (trace.state.name()) }
            td.mut { (time::ago(words, trace.start_ms, now_ms())) }
            td.num { (facts::duration(words, trace)) }
            td.num { @if let Some(total) = tokens.total { (number::step(total)) } }
            td.num { @if let Some(cost) = facts::cost(trace) { (facts::cost_text(cost)) } }
            td { (preview(&trace.request_preview)) }
            td { (preview(&trace.response_preview)) }
            td { (facts::assessments(words, trace, ASSESSMENTS_MAX)) }
            td { (session(site, trace)) }
        }
    }
}

fn session(site: &Site, trace: &Trace) -> Markup {
    html! {
        @if let Some(session) = trace.metadatum(SESSION) {
            a href=(facts::session_address(site, trace.experiment, session)) { bdi { (cut(session.to_owned(), SESSION_CHARS_MAX)) } }
        }
    }
}
