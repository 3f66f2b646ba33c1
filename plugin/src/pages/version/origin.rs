//! The origin of a version: its run, its source, and the CI job that made it.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::link::web_link;

use crate::domain::experiment::Pair;
use crate::domain::job::{SHOWING_TAGS, names_job};
use crate::domain::run::FullRun;
use crate::domain::version::FullVersion;
use crate::request::site::Site;

/// Number of digits of a commit that are shown.
const COMMIT_DIGITS: usize = 8;

/// True if the page shows a tag here, and not among the others.
pub(super) fn shows(key: &str) -> bool {
    SHOWING_TAGS.contains(&key)
}

/// The value of a tag that shows the CI job. `None`: there is none.
fn job<'a>(tags: &'a [Pair], name: &str) -> Option<&'a str> {
    let shown = tags
        .iter()
        .find(|(key, _)| key.strip_prefix("mlforge.ci.") == Some(name));
    shown.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// A text that the forge told, as a link if it told an address too.
fn linked(text: &str, address: Option<&str>) -> Markup {
    match address.and_then(web_link) {
        Some(address) => html! { a href=(address) rel="nofollow noopener noreferrer" title=(text) { bdi { (text) } } },
        None => html! { bdi { (text) } },
    }
}

/// The CI job and its commit, for the head of the page.
pub(super) fn job_mark(site: &Site, tags: &[Pair]) -> Markup {
    let words = &site.words().registry;
    html! {
        @if let Some(id) = job(tags, "id") {
            span {
                (words.ci_job) " " (linked(&format!("#{id}"), job(tags, "url")))
                @if let Some(status) = job(tags, "status") { " " bdi { (status) } }
            }
        }
        @if let Some(commit) = job(tags, "commit") {
            span.mono { (Icon::Commit.draw()) (linked(&short(commit), job(tags, "commit_url"))) }
        }
    }
}

fn short(commit: &str) -> String {
    commit.chars().take(COMMIT_DIGITS).collect()
}

/// The section with everything that is known.
pub(super) fn section(site: &Site, full: &FullVersion, run: Option<&FullRun<'_>>) -> Markup {
    let (words, version, tags) = (&site.words().registry, &full.version, &full.tags);
    let own = run.is_some_and(|run| run.run.artifact_uri == version.source);
    let named = tags
        .iter()
        .filter(|(key, _)| job(tags, "id").is_none() && names_job(key));
    html! {
        section aria-labelledby="origin" {
            div.bar { h2 #origin { (words.comes_from) } }
            dl {
                dt { (words.run) }
                dd {
                    a href=(site.page(&format!("candidates/{}", version.run))) {
                        bdi { @match run { Some(run) => (run.run.name), None => (version.run) } }
                    }
                }
                dt { (words.experiment) }
                dd { a href=(site.page(&format!("experiments/{}", version.experiment))) { (version.experiment) } }
                @if !own { dt { (words.source) } dd { code { bdi { (version.source) } } } }
                @if let Some(address) = web_link(&version.run_link) {
                    dt { (words.run) } dd { (linked(address, Some(address))) }
                }
                @for (key, value) in named { dt { bdi { (key) } } dd { bdi { (value) } } }
                @if let Some(id) = job(tags, "id") {
                    dt { (words.ci_job) }
                    dd {
                        (linked(&format!("#{id} {}", job(tags, "name").unwrap_or_default()), job(tags, "url")))
                        @if let Some(status) = job(tags, "status") { " " bdi { (status) } }
                    }
                }
                (entry(words.commit, tags, "commit", "commit_url"))
                (entry(words.branch, tags, "ref", ""))
                (entry(words.pipeline, tags, "pipeline", "pipeline_url"))
                (entry(words.merge_request, tags, "merge_request", "merge_request_url"))
                (entry(words.triggered_by, tags, "user", ""))
            }
        }
    }
}

fn entry(name: &str, tags: &[Pair], key: &str, address: &str) -> Markup {
    html! {
        @if let Some(text) = job(tags, key) {
            dt { (name) }
            dd { @if key == "commit" { code { (linked(&short(text), job(tags, address))) } } @else { (linked(text, job(tags, address))) } }
        }
    }
}
