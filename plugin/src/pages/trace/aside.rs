//! The facts beside a span: what the trace is linked to, and its metadata.

use maud::{Markup, html};
use mlforge_ui::link::encoded;
use mlforge_ui::time;
use mlforge_ui::words::fill;

use super::View;
use crate::domain::id::RunId;
use crate::domain::logged_model::LoggedModelId;
use crate::domain::trace::{MODEL_ID, SOURCE_RUN};
use crate::pages::parts;

/// Largest number of runs, and of prompts, that are shown.
const LINKED_MAX: usize = 10;
/// Bytes in HTML of the metadata.
const METADATA_BYTES_MAX: usize = 9_000;

/// Draws the facts.
pub(super) fn draw(view: &View<'_>) -> Markup {
    html! { (linked(view)) (metadata(view)) }
}

fn linked(view: &View<'_>) -> Markup {
    let (site, trace) = (view.call.site, view.trace);
    let words = site.words();
    let run = trace.metadata.get(SOURCE_RUN);
    let others = trace.runs.iter().filter(|other| Some(*other) != run);
    let runs: Vec<&String> = run.into_iter().chain(others).take(LINKED_MAX).collect();
    let model = trace.metadatum(MODEL_ID).and_then(|id| LoggedModelId::parse(id).ok());
    html! {
        section aria-labelledby="linked" {
            div.bar { h2 #linked { (words.registry.details) } }
            dl {
                dt { (words.traces.time) } dd { (time::exact_time(trace.start_ms)) }
                @if !runs.is_empty() {
                    dt { (words.registry.run) }
                    dd { @for run in &runs { (self::run(view, run)) " " } }
                }
                @if !trace.prompts.is_empty() {
                    dt { (words.traces.prompt) }
                    dd { @for prompt in trace.prompts.iter().take(LINKED_MAX) { (self::prompt(view, prompt)) " " } }
                }
                @if let Some(model) = model {
                    dt { (words.traces.logged_model) }
                    dd { a.mono href=(site.page(&format!("logged-models/{model}"))) { (model) } }
                }
                @if let Some(id) = &trace.client_request_id {
                    dt { (words.traces.request_id) } dd { code { bdi { (parts::name(id)) } } }
                }
                dt { (words.traces.id) } dd { code.copy { bdi { (trace.id) } } }
            }
        }
    }
}

/// A run by its name if it is the one in which the trace was made, or else by its id.
fn run(view: &View<'_>, id: &str) -> Markup {
    let Ok(run) = RunId::parse(id) else {
        return html! { bdi { (parts::name(id)) } };
    };
    let known = view.run.as_ref().and_then(|runs| runs.iter().next()?.ok());
    let name = known
        .filter(|known| known.run.id == run)
        .map(|known| parts::name(&known.run.name));
    html! {
        a href=(view.call.site.page(&format!("candidates/{run}"))) {
            @match name { Some(name) => bdi { (name) }, None => span.mono { (run) } }
        }
    }
}

/// A prompt version, which is linked as `name/version`.
fn prompt(view: &View<'_>, linked: &str) -> Markup {
    let Some((name, version)) = linked.rsplit_once('/') else {
        return html! { bdi { (parts::name(linked)) } };
    };
    let address = format!("models/by-name/{}/versions/{}", encoded(name), encoded(version));
    let text = fill(
        view.call.site.words().traces.prompt_version,
        &[&parts::name(name), &parts::name(version)],
    );
    html! { a href=(view.call.site.page(&address)) { bdi { (text) } } }
}

fn metadata(view: &View<'_>) -> Markup {
    let words = view.call.site.words();
    let all = || view.trace.metadata.iter();
    let shown = parts::fitting(all(), METADATA_BYTES_MAX, |(key, value)| parts::row_bytes(key, value));
    let rest = all().count() - shown;
    html! {
        @if all().next().is_some() {
            section aria-labelledby="metadata" {
                div.bar { h2 #metadata { (words.traces.metadata) } }
                (parts::key_values(all().take(shown).map(|(key, value)| (key.as_str(), parts::value(value)))))
                @if rest > 0 { p.mut.small { (fill(words.traces.and_more, &[&rest.to_string()])) } }
            }
        }
    }
}
