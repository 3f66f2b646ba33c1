//! The sessions of an experiment, such as chats, and the conversation of one.

use maud::{Markup, html};
use mlforge_ui::link::Address;
use mlforge_ui::{number, time};

use super::{View, address_of, facts, views};
use crate::convert::to_u64;
use crate::domain::id::ExperimentId;
use crate::domain::name::cut;
use crate::domain::trace::{Trace, USER};
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::pages::experiment::head::{Head, Tab};
use crate::pages::{Page, Section, parts};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::search::cursor::Pages;
use crate::search::traces::{TraceOrder, TraceSearch};
use crate::store::traces::search::{TraceQuery, find};
use crate::store::traces::sessions::{COUNTED_MAX, Session, list as list_sessions};

/// Number of traces of a conversation on a page.
const TRACES_PER_PAGE: usize = 20;
/// Bytes in HTML of a conversation on a page, and of one text in it.
const CONVERSATION_BYTES_MAX: usize = 56_000;
const TEXT_BYTES_MAX: usize = 6_000;
/// Number of characters of a session's id in the list, and of its last message.
const ID_CHARS_MAX: usize = 60;
const MESSAGE_CHARS_MAX: usize = 80;
/// Number of assessments of a trace in a conversation.
const ASSESSMENTS_MAX: usize = 2;

/// Lists sessions, those with the newest traces first.
pub async fn list(call: Call<'_>) -> Result<Answer> {
    let (site, words) = (call.site, call.site.words());
    let id = ExperimentId::parse(call.params.required_text("experiment_id")?)?;
    let head = Head::read(id).await?;
    let token = call.params.text("page_token")?.unwrap_or_default();
    let order = TraceOrder::parse(&[])?;
    let pages = Pages::of(("sessions page", id.0));
    let found = list_sessions(id, pages.after(token, |bytes| order.fits(bytes))?).await?;
    let here = Address::new(address_of(site, id, "/sessions"));
    let next = found
        .next
        .map(|cursor| here.clone().with("page_token", pages.token(&cursor)).to_string());
    let first = (!token.is_empty()).then(|| here.to_string());
    Ok(head.page(&call, Tab::Traces).answer(&html! {
        (head.draw(&call, Tab::Traces))
        div.bar { span.mut { (words.traces.sessions_text) } span.end { (views(site, id, View::Sessions)) } }
        @if !found.sessions.is_empty() {
            (table(site, &found.sessions))
        } @else if !token.is_empty() || next.is_some() {
            p.mut { (words.traces.no_more_sessions) }
        } @else {
            p.mut { (words.traces.no_sessions) }
            pre.code tabindex="0" {
                code.copy { "mlflow.update_current_trace(metadata={\"mlflow.trace.session\": \"…\", \"mlflow.trace.user\": \"…\"})" }
            }
        }
        (parts::pager(words, first.as_deref(), next.as_deref()))
    }))
}

fn table(site: &Site, sessions: &[Session]) -> Markup {
    let words = &site.words().traces;
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.sessions_table) {
            table.idx {
                caption.vh { (words.sessions_table) }
                thead {
                    tr {
                        th scope="col" { (words.session) }
                        th.num scope="col" { (words.title) }
                        th.opt scope="col" { (words.user) }
                        th.opt scope="col" { (words.last_input) }
                        th scope="col" { (words.last_active) }
                    }
                }
                tbody { @for session in sessions { (row(site, session)) } }
            }
        }
    }
}

fn row(site: &Site, session: &Session) -> Markup {
    let trace = &session.newest;
    let count = session.count.map(|count| number::count(to_u64(count.min(COUNTED_MAX))));
    let has_more = session.count.is_some_and(|count| count > COUNTED_MAX);
    let message = trace.request_preview.clone().unwrap_or_default();
    html! {
        tr {
            th scope="row" {
                a href=(facts::session_address(site, trace.experiment, &session.id)) { bdi { (cut(session.id.clone(), ID_CHARS_MAX)) } }
            }
            td.num { (count.as_deref().unwrap_or("–")) @if has_more { "+" } }
            td.opt.mut { bdi { (parts::name(trace.metadatum(USER).unwrap_or_default())) } }
            td.opt { bdi { (cut(message, MESSAGE_CHARS_MAX)) } }
            td.mut { (time::ago(site.words(), trace.start_ms, now_ms())) }
        }
    }
}

/// Shows the conversation of a session: its newest traces, the oldest of them first.
pub async fn show(call: Call<'_>) -> Result<Answer> {
    let (site, words) = (call.site, call.site.words());
    let id = ExperimentId::parse(call.params.required_text("experiment_id")?)?;
    let session = call.params.required_text("id")?;
    let head = Head::read(id).await?;
    let token = call.params.text("page_token")?.unwrap_or_default();
    let order = TraceOrder::parse(&[])?;
    let pages = Pages::of(("session page", id.0, session));
    let query = TraceQuery {
        search: TraceSearch::of_session(session),
        after: pages.after(token, |bytes| order.fits(bytes))?,
        count: TRACES_PER_PAGE,
        order,
    };
    let found = find(&[id], &query).await?;
    let here = facts::session_address(site, id, session);
    let earlier = found
        .next
        .map(|cursor| here.clone().with("page_token", pages.token(&cursor)));
    let page = Page::new(&call, Section::Experiments, session)
        .step(head.experiment.name.clone(), head.address(site, ""))
        .step(words.traces.sessions, address_of(site, id, "/sessions"));
    let users = found.traces.first().and_then(|newest| newest.metadatum(USER));
    Ok(page.answer(&html! {
        div.head {
            div {
                h1 { bdi { (parts::name(session)) } }
                p.meta {
                    @if let Some(user) = users { span { (words.traces.user) " " bdi { (parts::name(user)) } } }
                    @if !token.is_empty() { a href=(here) { (words.traces.newest) } }
                    @if let Some(earlier) = earlier { a href=(earlier) rel="nofollow" { (words.traces.earlier) } }
                }
            }
        }
        @if found.traces.is_empty() {
            p.mut { (words.traces.nothing_matches) }
        } @else {
            (conversation(site, &found.traces))
        }
    }))
}

fn conversation(site: &Site, newest_first: &[Trace]) -> Markup {
    let share = (CONVERSATION_BYTES_MAX / newest_first.len().max(1) / 2).min(TEXT_BYTES_MAX);
    html! {
        @for trace in newest_first.iter().rev() { (turn(site, trace, share)) }
    }
}

/// One trace of a conversation: what was asked, and what was answered.
fn turn(site: &Site, trace: &Trace, bytes_max: usize) -> Markup {
    let words = site.words();
    let text = |text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default();
        let shown = parts::clipped(text, bytes_max);
        html! { bdi { (shown) @if shown.len() < text.len() { "…" } } }
    };
    html! {
        section {
            div.bar {
                (facts::state(words, trace.state, true))
                h2 { a href=(facts::address_of(site, &trace.id)) { bdi { (facts::name_of(trace)) } } }
                span.mut.small { (time::ago(words, trace.start_ms, now_ms())) " · " (facts::duration(words, trace)) }
                (facts::assessments(words, trace, ASSESSMENTS_MAX))
            }
            dl {
                dt { (words.traces.input) } dd { pre.code tabindex="0" { (text(&trace.request_preview)) } }
                dt { (words.traces.output) } dd { pre.code tabindex="0" { (text(&trace.response_preview)) } }
            }
        }
    }
}
