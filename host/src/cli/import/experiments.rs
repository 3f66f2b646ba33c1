//! Brings experiments. One with a name that the project has is that of the project.

use serde_json::{Value, json};

use super::files::Place;
use super::json::{at, number, of_pairs, pairs, set, take, text};
use super::report::Kind;
use super::source::Experiment;
use super::target::{Refused, past};
use super::{Importer, MODEL_PREFIX};

/// An experiment and its number in the project.
pub(super) struct Mapped {
    pub(super) source: Experiment,
    pub(super) id: String,
    /// True if it is deleted in the project, so that nothing can be added to it.
    pub(super) is_closed: bool,
}

impl Importer {
    /// All experiments of the source that are to be brought.
    pub(super) async fn source_experiments(&self) -> anyhow::Result<Vec<Experiment>> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.source.experiments(after).await?;
            self.report.unreadable(&page.unreadable);
            let wanted = page
                .items
                .into_iter()
                .filter(|experiment| self.with_deleted || !experiment.is_deleted);
            all.extend(wanted);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Finds or creates an experiment. `None`: it cannot be brought, and the report says why.
    pub(super) async fn experiment(&self, experiment: &Experiment) -> anyhow::Result<Option<Mapped>> {
        let object = format!("experiment `{}`", experiment.name);
        self.report.survive(object, self.find_or_create(experiment).await)
    }

    async fn find_or_create(&self, experiment: &Experiment) -> anyhow::Result<Mapped> {
        let query = [("experiment_name", experiment.name.as_str())];
        let found = self.target.find("mlflow/experiments/get-by-name", &query).await?;
        let (id, is_closed) = match found.map(|mut found| take(&mut found, &["experiment"])) {
            Some(found) => {
                let is_closed = at(&found, &["lifecycle_stage"]) == "deleted";
                self.settle(experiment, &found, is_closed).await?;
                self.report.present(Kind::Experiments);
                (text(at(&found, &["experiment_id"])), is_closed)
            }
            None => {
                let id = self.create(experiment).await?;
                self.report.carried(Kind::Experiments, 1);
                (id, false)
            }
        };
        if is_closed && !experiment.is_deleted {
            self.report.problem(
                format_args!("experiment `{}`", experiment.name),
                "it is deleted in this project, so nothing was added to it",
            );
        }
        Ok(Mapped {
            source: experiment.clone(),
            id,
            is_closed,
        })
    }

    /// Creates an experiment, with its own number if that is free.
    async fn create(&self, experiment: &Experiment) -> anyhow::Result<String> {
        let mut body = json!({"name": experiment.name, "tags": of_pairs(&experiment.tags)});
        if self.files.place(&experiment.location) == Place::Elsewhere {
            set(&mut body, "artifact_location", json!(experiment.location));
        }
        let past_of = past(experiment.created_ms, "");
        // Only small numbers are counted. Those of the file store are random.
        let has_number = experiment.id.parse::<u32>().is_ok_and(|id| (1..1 << 31).contains(&id));
        if has_number {
            set(&mut body, "experiment_id", json!(experiment.id));
        }
        let mut created = self.target.post("experiments/create", &body, &past_of).await;
        let is_taken = |error: &anyhow::Error| error.downcast_ref::<Refused>().is_some_and(Refused::is_taken);
        if has_number && created.as_ref().err().is_some_and(is_taken) {
            set(&mut body, "experiment_id", Value::Null);
            created = self.target.post("experiments/create", &body, &past_of).await;
        }
        let id = text(at(&created?, &["experiment_id"]));
        // The time of a deletion is that of the last update, and is set with it.
        if experiment.updated_ms != experiment.created_ms && !experiment.is_deleted {
            self.touch(&id, experiment, experiment.updated_ms).await?;
        }
        Ok(id)
    }

    /// Gives the project's experiment the tags that it lacks, and `Default` its times if nobody used it yet.
    async fn settle(&self, experiment: &Experiment, found: &Value, is_closed: bool) -> anyhow::Result<()> {
        let id = text(&found["experiment_id"]);
        if is_closed || experiment.name.starts_with(MODEL_PREFIX) {
            return Ok(());
        }
        if id == "0" && number(&found["creation_time"]) == 0 && experiment.created_ms > 0 {
            // It is made one millisecond before the first change.
            self.touch(&id, experiment, experiment.created_ms + 1).await?;
            self.touch(&id, experiment, experiment.updated_ms).await?;
        }
        let known = pairs(found, "tags");
        for (key, value) in &experiment.tags {
            if !known.iter().any(|(other, _)| other == key) {
                let body = json!({"experiment_id": id, "key": key, "value": value});
                let past = past(experiment.updated_ms, "");
                self.target.post("experiments/set-experiment-tag", &body, &past).await?;
            }
        }
        Ok(())
    }

    /// Sets the time of an experiment's last update: it gets the name that it has.
    async fn touch(&self, id: &str, experiment: &Experiment, time_ms: i64) -> anyhow::Result<()> {
        let body = json!({"experiment_id": id, "new_name": experiment.name});
        let past = past(time_ms, "");
        self.target.post("experiments/update", &body, &past).await.map(drop)
    }
}
