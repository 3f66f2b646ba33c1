//! The head of every page of a run: its name, what became of it, who made it, and the tabs.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::link::{Address, web_link};
use mlforge_ui::words::{fill, filled};
use mlforge_ui::{number, time};

use super::view::{View, address_of};
use crate::convert::to_u64;
use crate::domain::lifecycle::Stage;
use crate::pages::{form_token, parts};

/// Number of characters of a commit's hash that are shown.
const COMMIT_CHARS: usize = 8;

/// A tab of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunTab {
    /// The main of everything.
    Overview,
    /// All metrics but those of the machine.
    Metrics,
    /// Parameters.
    Params,
    /// Files.
    Artifacts,
    /// Metrics of the machine.
    System,
    /// A page to which no tab leads.
    None,
}

/// The head, with the tabs.
pub fn head(view: &View<'_>, tab: RunTab) -> Markup {
    let run = &view.full.run;
    html! {
        div.head {
            div {
                p.small {
                    a href=(view.call.site.page(&format!("experiments/{}", run.experiment))) {
                        bdi { (view.experiment.name) }
                    }
                    @if let Some(parent) = view.parent {
                        " " span.mut { "/" } " "
                        a href=(address_of(view.call, parent.id, "")) { bdi { (parts::name(&parent.name)) } }
                    }
                }
                h1 { bdi { (parts::name(&run.name)) } }
                (meta(view))
            }
            @if tab != RunTab::None { (buttons(view)) }
        }
        @if view.full.stage == Stage::Deleted { (deleted(view)) }
        @if tab != RunTab::None { (tabs(view, tab)) }
    }
}

fn meta(view: &View<'_>) -> Markup {
    let (run, words) = (&view.full.run, view.words);
    let end_ms = run.end_time_ms.unwrap_or(view.now_ms);
    let has_ended = run.end_time_ms.is_some();
    html! {
        p.meta {
            (parts::status(words, run.status))
            @if run.start_time_ms > 0 {
                span { (time::ago(words, run.start_time_ms, view.now_ms)) }
                @if has_ended || view.is_running() {
                    @let text = if has_ended { words.runs.took } else { words.runs.runs_since };
                    span { (fill(text, &[&time::duration(words, end_ms.saturating_sub(run.start_time_ms))])) }
                }
            }
            (author(view))
            (job(view))
            (commit(view))
            (merge_request(view))
            @if view.is_running() { a href=(view.address("")) { (words.runs.look_again) } }
        }
    }
}

/// The user who made the run, as the forge knows them, or else as the client says.
fn author(view: &View<'_>) -> Markup {
    let run = &view.full.run;
    let known = run
        .author
        .as_ref()
        .map(|author| author.name.as_deref().unwrap_or(&author.login));
    let name = known.filter(|name| !name.is_empty()).unwrap_or(&run.user_id);
    html! {
        @if !name.is_empty() { span { (filled(view.words.runs.by, &[html! { bdi { (name) } }])) } }
    }
}

/// A text with a link, if the forge gave one that may be followed.
fn linked(text: &str, address: Option<&str>) -> Markup {
    html! {
        @match address.and_then(web_link) {
            Some(address) => a href=(address) rel="nofollow noopener noreferrer" { bdi { (text) } },
            None => bdi { (text) },
        }
    }
}

fn job(view: &View<'_>) -> Markup {
    let tag = |key| view.tag(key);
    let name = match (tag("mlforge.ci.id"), tag("mlforge.ci.name")) {
        (None, None) => return html! {},
        (Some(id), None) => format!("#{id}"),
        (None, Some(name)) => name.to_owned(),
        (Some(id), Some(name)) => format!("#{id} {name}"),
    };
    html! {
        span {
            (filled(view.words.runs.ci_job, &[linked(&name, tag("mlforge.ci.url"))]))
            @if let Some(status) = tag("mlforge.ci.status") { bdi { (status) } }
        }
        @if let Some(pipeline) = tag("mlforge.ci.pipeline") {
            span { (filled(view.words.runs.pipeline, &[linked(pipeline, tag("mlforge.ci.pipeline_url"))])) }
        }
    }
}

fn commit(view: &View<'_>) -> Markup {
    let Some(commit) = view.tag("mlforge.ci.commit").or(view.tag("mlflow.source.git.commit")) else {
        return html! {};
    };
    let short: String = commit.chars().take(COMMIT_CHARS).collect();
    html! {
        span title=(commit) {
            (Icon::Commit.draw())
            span.mono { (linked(&short, view.tag("mlforge.ci.commit_url"))) }
            @if let Some(branch) = view.tag("mlforge.ci.ref").or(view.tag("mlflow.source.git.branch")) {
                (filled(view.words.runs.on_branch, &[html! { bdi { (branch) } }]))
            }
        }
    }
}

fn merge_request(view: &View<'_>) -> Markup {
    html! {
        @if let Some(request) = view.tag("mlforge.ci.merge_request") {
            span { (Icon::MergeRequest.draw()) (linked(request, view.tag("mlforge.ci.merge_request_url"))) }
        }
    }
}

fn buttons(view: &View<'_>) -> Markup {
    let compare = Address::new(view.call.site.page("compare")).with("run", view.id().to_string());
    let words = view.words;
    html! {
        div.acts {
            a.btn href=(compare) { (words.runs.compare) }
            @if view.may_change() {
                a.btn href=(view.address("/edit")) { (words.common.edit) }
                a.btn.bad href=(view.address("/delete")) { (words.common.delete) }
                a.btn.pri href=(view.address("/promote")) { (words.runs.make_version) }
            }
        }
    }
}

/// The note about a deleted run. It is restored by a form.
fn deleted(view: &View<'_>) -> Markup {
    html! {
        div.note {
            p { (view.words.runs.is_deleted) }
            @if view.call.may_write {
                form method="post" action=(view.address("/restore")) {
                    (form_token(view.call.site))
                    button.btn { (view.words.common.restore) }
                }
            }
        }
    }
}

fn tabs(view: &View<'_>, current: RunTab) -> Markup {
    let words = &view.words.runs;
    let own = view.metrics(false).count();
    let system = view.metrics(true).count();
    let tabs = [
        (RunTab::Overview, "", words.overview, None),
        (RunTab::Metrics, "/metrics", words.metrics, Some(own)),
        (RunTab::Params, "/params", words.params, Some(view.full.params.len())),
        (RunTab::Artifacts, "/artifacts", words.artifacts, None),
        (RunTab::System, "/system", words.system, Some(system)),
    ];
    html! {
        nav.tabs.sub aria-label=(words.run) {
            @for (tab, below, text, count) in tabs {
                @if tab != RunTab::System || system > 0 || current == RunTab::System {
                    a href=(view.address(below)) aria-current=[(tab == current).then_some("page")] {
                        (text)
                        @if let Some(count) = count { span.n { (number::count(to_u64(count))) } }
                    }
                }
            }
        }
    }
}
