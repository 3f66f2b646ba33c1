//! The head of a trace's page: its name and what became of it.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::link::{Address, web_link};
use mlforge_ui::words::fill;
use mlforge_ui::{number, time};

use super::View;
use crate::convert::to_u64;
use crate::domain::name::cut;
use crate::domain::trace::span::SpanStatus;
use crate::domain::trace::{SESSION, USER};
use crate::host::clock::now_ms;
use crate::pages::parts;
use crate::pages::traces::facts;

/// Number of characters of a commit, and of a branch, that are shown.
const COMMIT_CHARS: usize = 8;
const BRANCH_CHARS_MAX: usize = 60;

/// Draws the head.
pub(super) fn draw(view: &View<'_>) -> Markup {
    let (site, trace) = (view.call.site, view.trace);
    let words = site.words();
    let json = format!("{}/ajax-api/3.0/mlflow/traces/get", site.tracking_uri());
    let delete = site.page(&format!("experiments/{}/traces/delete", trace.experiment));
    html! {
        div.head {
            div {
                h1 { bdi { (facts::name_of(trace)) } }
                p.meta {
                    (facts::state(words, trace.state, false))
                    span { (time::ago(words, trace.start_ms, now_ms())) }
                    @if trace.duration_ms.is_some() { span { (facts::duration(words, trace)) } }
                    (counts(view))
                    (session(view))
                    (commit(view))
                }
            }
            div.acts {
                a.btn href=(Address::new(json).with("trace_id", trace.id.as_str())) { (words.common.json) }
                @if view.call.may_write {
                    a.btn.bad href=(Address::new(delete).with("trace", trace.id.as_str())) { (words.common.delete) }
                }
            }
        }
    }
}

/// The numbers of spans, errors and tokens, and the cost.
fn counts(view: &View<'_>) -> Markup {
    let words = &view.call.site.words().traces;
    let spans = &view.spans.all;
    let errors = spans.iter().filter(|span| span.status == SpanStatus::Error).count();
    let count = |text: &str, count: usize| fill(text, &[&number::count(to_u64(count))]);
    let tokens = facts::tokens(view.trace);
    html! {
        @if !spans.is_empty() { span { (count(words.span_count, spans.len())) } }
        @if errors > 0 { span.fail { (count(words.error_count, errors)) } }
        @if let (Some(input), Some(output)) = (tokens.input, tokens.output) {
            span { (fill(words.token_counts, &[&number::step(input), &number::step(output)])) }
        } @else if let Some(total) = tokens.total {
            span { (words.tokens) " " (number::step(total)) }
        }
        @if let Some(cost) = facts::cost(view.trace) { span { (facts::cost_text(cost)) } }
    }
}

fn session(view: &View<'_>) -> Markup {
    let (site, trace) = (view.call.site, view.trace);
    let words = &site.words().traces;
    html! {
        @if let Some(user) = trace.metadatum(USER) { span { (words.user) " " bdi { (parts::name(user)) } } }
        @if let Some(session) = trace.metadatum(SESSION) {
            span {
                (words.session) " "
                a href=(facts::session_address(site, trace.experiment, session)) { bdi { (parts::name(session)) } }
            }
        }
    }
}

/// The commit that the client was at. It has a link if the run of the trace has one for it.
fn commit(view: &View<'_>) -> Markup {
    let of_trace = |key: &str| view.trace.metadatum(key).filter(|text| !text.is_empty());
    let Some(commit) = of_trace("mlflow.source.git.commit") else {
        return html! {};
    };
    let short = cut(commit.to_owned(), COMMIT_CHARS);
    let run = view.run.as_ref().and_then(|runs| runs.iter().next()?.ok());
    let of_run = |key: &str| {
        let tags = run.as_ref().map_or(&[][..], |run| run.tags.as_slice());
        tags.iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_ref())
    };
    let is_same = of_run("mlforge.ci.commit").is_some_and(|of_run| of_run == commit);
    let link = of_run("mlforge.ci.commit_url").filter(|_| is_same).and_then(web_link);
    html! {
        span title=(cut(commit.to_owned(), BRANCH_CHARS_MAX)) {
            (Icon::Commit.draw())
            span.mono {
                @match link {
                    Some(link) => a href=(link) rel="nofollow noopener noreferrer" { bdi { (short) } },
                    None => bdi { (short) },
                }
            }
            @if let Some(branch) = of_trace("mlflow.source.git.branch") { bdi { (cut(branch.to_owned(), BRANCH_CHARS_MAX)) } }
        }
    }
}
