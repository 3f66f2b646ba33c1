//! A run as its pages read it.

use mlforge_ui::Words;
use mlforge_ui::link::Address;

use crate::domain::artifact::ArtifactPath;
use crate::domain::experiment::Experiment;
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::domain::metric::Metric;
use crate::domain::run::{FullRun, Run, Status};
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::pages::{Page, Section};
use crate::request::call::Call;
use crate::store::runs::read;
use crate::store::runs::read::FullRuns;
use crate::store::{artifacts, experiments, runs};

/// The tag with the id of a run's parent.
pub const PARENT: &str = "mlflow.parentRunId";
/// The tag with a run's note.
pub const NOTE: &str = "mlflow.note.content";
/// The prefix of metrics about the machine.
const SYSTEM: &str = "system/";
/// Seconds after which the page of a running run is fetched again.
const REFRESH_S: u32 = 10;

/// A run, its experiment and its parent.
pub struct RunRead {
    id: RunId,
    runs: FullRuns,
    /// The run's experiment.
    pub experiment: Experiment,
    /// The run's parent. `None`: it has none, or it does not exist.
    pub parent: Option<Run>,
}

impl RunRead {
    /// Reads the run in a request, even a deleted one.
    pub async fn of(call: &Call<'_>) -> Result<Self> {
        let id = run_id(call)?;
        let runs = read::read_some(&[id]).await?;
        let full = runs.iter().next().ok_or_else(|| id.not_found())??;
        let experiment = experiments::load(full.run.experiment).await?.experiment;
        let parent = tag(&full, PARENT).and_then(|parent| RunId::parse(parent).ok());
        let parent = match parent {
            Some(parent) => existing(parent).await?,
            None => None,
        };
        drop(full);
        Ok(RunRead {
            id,
            runs,
            experiment,
            parent,
        })
    }

    /// The run with everything that is logged to it.
    pub fn run(&self) -> Result<FullRun<'_>> {
        self.runs.iter().next().ok_or_else(|| self.id.not_found())?
    }
}

/// The run in a request.
pub fn run_id(call: &Call<'_>) -> Result<RunId> {
    RunId::parse(call.params.required_text("run_id")?)
}

async fn existing(id: RunId) -> Result<Option<Run>> {
    match runs::load(id).await {
        Ok(stored) => Ok(Some(stored.run)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn tag<'a>(full: &'a FullRun<'_>, key: &str) -> Option<&'a str> {
    let found = full.tags.iter().find(|(other, _)| other == key);
    found.map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty())
}

/// Everything that the parts of a run's page show.
pub struct View<'a> {
    /// The request.
    pub call: &'a Call<'a>,
    /// The texts in the reader's language.
    pub words: &'static Words,
    /// The run.
    pub full: &'a FullRun<'a>,
    /// Its experiment.
    pub experiment: &'a Experiment,
    /// Its parent. `None`: it has none.
    pub parent: Option<&'a Run>,
    /// The present time in milliseconds since the Unix epoch.
    pub now_ms: i64,
}

impl<'a> View<'a> {
    /// The view of a run that was read.
    pub fn new(call: &'a Call<'a>, read: &'a RunRead, full: &'a FullRun<'a>) -> Self {
        View {
            call,
            words: call.site.words(),
            full,
            experiment: &read.experiment,
            parent: read.parent.as_ref(),
            now_ms: now_ms(),
        }
    }

    /// The run's id.
    pub fn id(&self) -> RunId {
        self.full.run.id
    }

    /// The address of a page of the run, from its path after the run's id: empty, or with a slash at its beginning.
    pub fn address(&self, below: &str) -> Address {
        address_of(self.call, self.id(), below)
    }

    /// The value of a tag. `None`: there is none, or it is empty.
    pub fn tag(&self, key: &str) -> Option<&'a str> {
        tag(self.full, key)
    }

    /// The tags that users set. Those of MLflow and of the server are shown by what they mean.
    pub fn own_tags(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let own = |key: &str| !key.starts_with("mlflow.") && !key.starts_with("mlforge.");
        let tags = self.full.tags.iter();
        tags.map(|(key, value)| (key.as_ref(), value.as_ref()))
            .filter(move |(key, _)| own(key))
    }

    /// The metrics of the machine, or all others.
    pub fn metrics(&self, of_system: bool) -> impl Iterator<Item = &'a Metric<'a>> {
        let metrics = self.full.metrics.iter();
        metrics.filter(move |metric| metric.key.starts_with(SYSTEM) == of_system)
    }

    /// True while more may be logged.
    pub fn is_running(&self) -> bool {
        let is_open = matches!(self.full.run.status, Status::Running | Status::Scheduled);
        is_open && self.full.stage == Stage::Active
    }

    /// True if the reader may change the run: it is not deleted, and the reader may write.
    pub fn may_change(&self) -> bool {
        self.call.may_write && self.full.stage == Stage::Active
    }

    /// The place of the run's files. Fails if they are kept elsewhere.
    pub fn root(&self) -> Result<ArtifactPath> {
        artifacts::of_uri(&self.full.run.artifact_uri)
    }

    /// The frame of a page of the run.
    pub fn page(&self, title: &str) -> Page<'a> {
        let run = &self.full.run;
        let title = match title {
            "" => run.name.clone(),
            title => format!("{title} · {}", run.name),
        };
        let experiment = self.call.site.page(&format!("experiments/{}", run.experiment));
        let page = Page::new(self.call, Section::Experiments, title).step(&self.experiment.name, experiment);
        let page = page.step(&run.name, self.address("").to_string());
        if self.is_running() {
            page.refreshed(REFRESH_S)
        } else {
            page
        }
    }
}

/// The address of a page of a run.
pub fn address_of(call: &Call<'_>, run: RunId, below: &str) -> Address {
    Address::new(call.site.page(&format!("candidates/{run}{below}")))
}
