//! The head of an experiment's pages: its name, facts, and tabs.

use maud::{Markup, html};
use mlforge_ui::time;
use mlforge_ui::words::fill;

use crate::domain::experiment::{Experiment, Pair};
use crate::domain::id::ExperimentId;
use crate::domain::lifecycle::Stage;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::pages::{Page, Section, form_token, parts};
use crate::request::call::Call;
use crate::request::site::Site;
use crate::store::experiments;

/// The tag with an experiment's note.
pub const NOTE_TAG: &str = "mlflow.note.content";
/// Beginnings of the keys of tags that the head leaves out: clients write them.
const OWN_TAGS: [&str; 2] = ["mlflow.", "mlforge."];
/// Largest number of tags in the head.
const TAGS_MAX: usize = 6;

/// The tabs of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// The table of runs.
    Runs,
    /// The traces, their sessions and their charts.
    Traces,
    /// The charts of runs.
    Charts,
    /// The logged models.
    LoggedModels,
    /// The note, the tags, and what can be changed.
    Details,
}

/// An experiment with its tags, as the head of each of its pages shows it.
pub struct Head {
    /// The experiment.
    pub experiment: Experiment,
    /// The tags, by key.
    pub tags: Vec<Pair>,
}

impl Head {
    /// Reads an experiment: two calls.
    pub async fn read(id: ExperimentId) -> Result<Self> {
        let experiment = experiments::load(id).await?.experiment;
        let tags = experiments::tags(&[id]).await?.pop().unwrap_or_default();
        Ok(Head { experiment, tags })
    }

    /// The note in Markdown. Empty: there is none.
    pub fn note(&self) -> &str {
        let note = self.tags.iter().find(|(key, _)| key == NOTE_TAG);
        note.map_or("", |(_, note)| note)
    }

    /// True if the experiment was not deleted.
    pub fn is_active(&self) -> bool {
        self.experiment.lifecycle.stage == Stage::Active
    }

    /// The address of the experiment's page, or of one below it: `/details`.
    pub fn address(&self, site: &Site, below: &str) -> String {
        site.page(&format!("experiments/{}{below}", self.experiment.id))
    }

    /// A page of the experiment. A page below the first one has a way back in its breadcrumb.
    pub fn page<'a>(&self, call: &Call<'a>, tab: Tab) -> Page<'a> {
        let page = Page::new(call, Section::Experiments, self.experiment.name.clone());
        match tab {
            Tab::Runs => page,
            _ => page.step(self.experiment.name.clone(), self.address(call.site, "")),
        }
    }

    /// The head and the tabs.
    pub fn draw(&self, call: &Call<'_>, current: Tab) -> Markup {
        let (site, words) = (call.site, call.site.words());
        let own = &words.experiment_page;
        html! {
            div.head {
                div { h1 { bdi { (self.experiment.name) } } (self.facts(site)) }
                div.acts {
                    @if call.may_write && self.is_active() {
                        a.btn href=(self.address(site, "/details")) { (words.common.edit) }
                        a.btn.bad href=(self.address(site, "/delete")) { (words.common.delete) }
                    }
                    a.btn.pri href=(self.address(site, "/log")) { (own.log_a_run) }
                }
            }
            @if !self.is_active() { (self.deleted(call)) }
            (self.tabs(site, current))
        }
    }

    fn facts(&self, site: &Site) -> Markup {
        let (words, now_ms) = (site.words(), now_ms());
        let Experiment {
            id,
            creation_time_ms: created_ms,
            ..
        } = &self.experiment;
        let is_own = |key: &str| OWN_TAGS.iter().any(|start| key.starts_with(start));
        let tags = self.tags.iter().filter(|(key, _)| !is_own(key));
        html! {
            p.meta {
                span { (fill(words.experiment_page.experiment, &[&id.to_string()])) }
                // The default experiment has no time before something is logged.
                @if *created_ms > 0 {
                    span { (words.common.created) " " (time::ago(words, *created_ms, now_ms)) }
                }
                @for (key, value) in tags.take(TAGS_MAX) { (parts::tag(key, value)) }
            }
        }
    }

    /// The note that the experiment was deleted, and the way back.
    fn deleted(&self, call: &Call<'_>) -> Markup {
        let (site, words) = (call.site, call.site.words());
        html! {
            div.note {
                p { (words.experiment_page.was_deleted) }
                @if call.may_write {
                    br;
                    form method="post" action=(self.address(site, "/restore")) {
                        (form_token(site))
                        button.btn.pri { (words.common.restore) }
                    }
                }
            }
            br;
        }
    }

    fn tabs(&self, site: &Site, current: Tab) -> Markup {
        let words = site.words();
        let own = &words.experiment_page;
        let tabs = [
            (Tab::Runs, own.runs, ""),
            (Tab::Traces, words.traces.title, "/traces"),
            (Tab::Charts, own.charts, "/charts"),
            (Tab::LoggedModels, own.logged_models, "/logged-models"),
            (Tab::Details, own.details, "/details"),
        ];
        html! {
            nav.tabs.sub aria-label=(own.tabs) {
                @for (tab, text, below) in tabs {
                    a href=(self.address(site, below)) aria-current=[(tab == current).then_some("page")] { (text) }
                }
            }
        }
    }
}
