//! The page of a trace: its spans over time, one span in detail, and what is said of the trace.
//!
//! The address has the span that is shown, `span`, and the first row of the waterfall, `from`. `part` shows one part of a
//! span alone and longer. `spans` reads the spans, `waterfall` and `span` draw them, `aside` has the facts, and `assessments`
//! and `tags` also change them.

mod aside;
pub mod assessments;
mod head;
mod span;
pub mod spans;
pub mod tags;
mod waterfall;

use maud::{Markup, html};
use mlforge_ui::link::Address;

use crate::domain::id::RunId;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::span::Span;
use crate::domain::trace::tree::{SpanTree, TreeRow};
use crate::domain::trace::{SOURCE_RUN, Trace};
use crate::error::{Error, Result};
use crate::pages::traces::facts;
use crate::pages::{Page, Section, parts};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::runs::read::{self, FullRuns};
use crate::store::{experiments, traces};

use span::Part;
use spans::Spans;

/// Seconds after which the page of a trace that goes on is fetched again.
const REFRESH_S: u32 = 15;

/// The form of the page that was refused, and why.
pub(super) enum Refused<'a> {
    /// That of a tag, with key and value.
    Tag(&'a str, &'a str, &'a str),
    /// That of an assessment.
    Assessment(&'a assessments::Sent<'a>, &'a str),
}

/// Everything that the parts of the page show.
pub(super) struct View<'a> {
    call: &'a Call<'a>,
    trace: &'a Trace,
    spans: &'a Spans,
    rows: Vec<TreeRow<'a>>,
    /// The span that is shown. `None`: there are no spans.
    chosen: Option<&'a Span>,
    /// The run in which the trace was made, if it is one of this server.
    run: Option<FullRuns>,
}

impl View<'_> {
    /// The address of the trace's page.
    fn address(&self) -> Address {
        Address::new(facts::address_of(self.call.site, &self.trace.id))
    }

    /// The address of a page below it, such as `/tags`.
    fn below(&self, below: &str) -> String {
        format!("{}{below}", facts::address_of(self.call.site, &self.trace.id))
    }
}

/// The id of the trace in a request.
pub(super) fn trace_id(call: &Call<'_>) -> Result<TraceId> {
    TraceId::find(call.params.required_text("trace_id")?)
}

/// Shows a trace.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    answer(&call, None).await
}

/// The page, with the mistake of a form that was refused.
pub(super) async fn answer(call: &Call<'_>, refused: Option<&Refused<'_>>) -> Result<Answer> {
    let trace = traces::load(&trace_id(call)?).await?.trace;
    let experiment = experiments::load(trace.experiment).await?.experiment;
    let spans = spans::read(&trace).await?;
    let rows = SpanTree::new(&spans.all).rows();
    let view = View {
        chosen: chosen(call, &rows)?,
        run: source_run(&trace).await?,
        call,
        trace: &trace,
        spans: &spans,
        rows,
    };
    let words = call.site.words();
    let of_experiment = call.site.page(&format!("experiments/{}", trace.experiment));
    let page = Page::new(call, Section::Experiments, facts::name_of(&trace))
        .step(experiment.name, of_experiment.clone())
        .step(words.traces.title, format!("{of_experiment}/traces"));
    let is_open = trace.state == crate::domain::trace::TraceState::InProgress && refused.is_none();
    let page = if is_open { page.refreshed(REFRESH_S) } else { page };
    let main = match (Part::of(call)?, view.chosen) {
        (Some(part), Some(span)) => span::part_alone(&view, span, part),
        _ => whole(&view, refused)?,
    };
    let main = html! { (head::draw(&view)) (main) };
    Ok(page.answer_with(if refused.is_some() { 400 } else { 200 }, &main))
}

fn whole(view: &View<'_>, refused: Option<&Refused<'_>>) -> Result<Markup> {
    let from = view
        .call
        .params
        .integer("from")?
        .and_then(|from| usize::try_from(from).ok());
    Ok(html! {
        (problem(view))
        (waterfall::draw(view, from))
        div.two #span {
            div {
                @if let Some(span) = view.chosen { (span::draw(view, span)) }
                (assessments::draw(view, refused))
            }
            aside { (aside::draw(view)) (tags::draw(view, refused)) }
        }
    })
}

/// The reason why spans are not shown.
fn problem(view: &View<'_>) -> Markup {
    let words = &view.call.site.words().traces;
    html! {
        @if view.spans.is_too_large {
            div.note { p { (words.too_large) } }
        } @else if view.spans.all.is_empty() {
            p.mut { (words.no_spans) }
        }
    }
}

/// The span in the address, or the first one.
fn chosen<'a>(call: &Call<'_>, rows: &[TreeRow<'a>]) -> Result<Option<&'a Span>> {
    let Some(asked) = call.params.text("span")?.filter(|text| !text.is_empty()) else {
        return Ok(rows.first().map(|row| row.span));
    };
    let found = rows
        .iter()
        .find(|row| crate::domain::trace::id::hex(&row.span.id) == asked);
    match found {
        Some(row) => Ok(Some(row.span)),
        None if rows.is_empty() => Ok(None),
        None => Err(Error::NotFound(format!(
            "This trace has no span '{}'.",
            parts::name(asked)
        ))),
    }
}

async fn source_run(trace: &Trace) -> Result<Option<FullRuns>> {
    let run = trace.metadata.get(SOURCE_RUN).and_then(|run| RunId::parse(run).ok());
    match run {
        Some(run) => Ok(Some(read::read_some(&[run]).await?)),
        None => Ok(None),
    }
}
