//! The lineage of a run, in both directions: datasets, logged models, versions, and the runs that it started.

use std::ops::RangeInclusive;
use std::rc::Rc;

use maud::{Markup, html};
use mlforge_ui::icon::Icon;

use super::view::{PARENT, View};
use crate::domain::dataset::CONTEXT_TAG;
use crate::domain::id::RunId;
use crate::domain::lifecycle;
use crate::domain::run::{Run, RunInput};
use crate::domain::version::FullVersion;
use crate::error::Result;
use crate::search::runs::{RunFilter, RunOrder};
use crate::search::versions::{VersionOrder, VersionSearch};
use crate::store::query::SearchQuery;
use crate::store::registry::version_read::{LATEST_BYTES_MAX, VersionRef};
use crate::store::registry::version_search::VersionQuery;
use crate::store::registry::{version_read, version_search};
use crate::store::runs::read;
use crate::store::search;

/// Number of children that are shown.
const CHILDREN_MAX: usize = 20;
/// Largest difference between the clocks of a run and of its children, in milliseconds.
const CLOCK_SKEW_MS: i64 = 60_000;
/// Number of versions that are shown.
const VERSIONS_MAX: usize = 5;
/// Number of datasets and of logged models in the line.
const IN_LINE_MAX: usize = 3;

/// The runs and versions around a run.
pub struct Lineage {
    /// The runs that name it as their parent, the newest first. In an experiment with many runs, those that started meanwhile.
    pub children: Vec<Run>,
    /// True if there may be more. A search for all would look at every run of the experiment.
    pub may_have_more_children: bool,
    /// The versions that were made from it.
    pub versions: Vec<FullVersion>,
}

impl Lineage {
    /// Reads them.
    pub async fn read(view: &View<'_>) -> Result<Self> {
        let filter = format!("tags.`{PARENT}` = '{}'", view.id());
        let query = SearchQuery {
            filter: RunFilter::parse(&filter)?,
            order: RunOrder::parse(&[])?,
            view: lifecycle::View::ActiveOnly,
            after: None,
            count: CHILDREN_MAX,
        };
        let run = &view.full.run;
        let (found, is_cut) = search::find_near(&[run.experiment], &query, &children_start(run)).await?;
        let ids: Vec<RunId> = found.items.iter().map(|hit| hit.id).collect();
        Ok(Lineage {
            children: read::read_alone(&ids).await?,
            may_have_more_children: is_cut || found.cursor_after(CHILDREN_MAX).is_some(),
            versions: versions(view.id()).await?,
        })
    }

    /// The line from datasets to versions. Nothing if the run is alone.
    pub fn line(&self, view: &View<'_>) -> Markup {
        let (full, words) = (view.full, &view.words.runs);
        if full.inputs.is_empty() && full.model_outputs.is_empty() && self.versions.is_empty() {
            return html! {};
        }
        let step = |title: &str, here: bool, content: Markup, is_last: bool| {
            html! {
                li {
                    div.here[here] { span.mut.small { (title) } br; (content) }
                    @if !is_last { (Icon::To.draw()) }
                }
            }
        };
        let made = full.model_outputs.iter().take(IN_LINE_MAX);
        let is_last = full.model_outputs.is_empty() && self.versions.is_empty();
        html! {
            ol.line aria-label=(words.lineage) {
                @for input in full.inputs.iter().take(IN_LINE_MAX) {
                    (step(words.dataset, false, dataset(input), false))
                }
                (step(words.run, true, html! { strong { bdi { (full.run.name) } } }, is_last))
                @for (index, output) in made.enumerate() {
                    @let ends = self.versions.is_empty() && index + 1 == full.model_outputs.len().min(IN_LINE_MAX);
                    (step(words.logged_model, false, logged_model(view, &output.model), ends))
                }
                @for (index, version) in self.versions.iter().enumerate() {
                    (step(words.version, false, version_link(view, version), index + 1 == self.versions.len()))
                }
            }
        }
    }
}

/// The period in which the children of a run start, in milliseconds since the Unix epoch: while it runs.
fn children_start(run: &Run) -> RangeInclusive<i64> {
    let first = run.start_time_ms.saturating_sub(CLOCK_SKEW_MS);
    let last = run.end_time_ms.unwrap_or(i64::MAX).saturating_add(CLOCK_SKEW_MS);
    first..=last
}

async fn versions(run: RunId) -> Result<Vec<FullVersion>> {
    let query = VersionQuery {
        search: VersionSearch::parse(&format!("run_id = '{run}'"))?,
        order: VersionOrder::parse(&[])?,
        after: None,
        count: VERSIONS_MAX,
    };
    let found = version_search::find(&query).await?;
    let wanted = found.items.iter();
    let wanted = wanted.map(|found| VersionRef::new(Rc::clone(&found.model_name), found.model, found.number));
    let read = version_read::read_some(&wanted.collect::<Vec<_>>(), LATEST_BYTES_MAX).await?;
    Ok(read.into_iter().flatten().collect())
}

/// A dataset: its name, what it was used for, and its digest.
pub fn dataset(input: &RunInput) -> Markup {
    let context = input.tags.iter().find(|(key, _)| key == CONTEXT_TAG);
    html! {
        bdi { (input.name) }
        @if let Some((_, context)) = context { " " span.mut.small { bdi { (context) } } }
        " " code.mut { (input.digest) }
    }
}

/// A link to a logged model.
pub fn logged_model(view: &View<'_>, id: &str) -> Markup {
    let address = view
        .call
        .site
        .page(&format!("logged-models/{}", mlforge_ui::link::encoded(id)));
    html! { a.mono href=(address) { bdi { (id) } } }
}

/// A link to a version, with its aliases.
pub fn version_link(view: &View<'_>, full: &FullVersion) -> Markup {
    let version = &full.version;
    let path = format!("models/{}/versions/{}", version.model, version.number);
    html! {
        a href=(view.call.site.page(&path)) { bdi { (full.model_name) " " (version.semver) } }
        @for alias in &full.aliases { " " span.tag.al { bdi { "@" (alias) } } }
    }
}
