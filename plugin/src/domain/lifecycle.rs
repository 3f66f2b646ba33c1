//! Soft deletion of experiments and runs.
//!
//! Deleting or restoring an experiment does the same to every run in it, whatever their number. To cost one
//! write, an experiment counts these events: the count is its epoch. A run stores the epoch in which its own
//! stage was set. The experiment's stage overrules a stage from an earlier epoch.

/// The lifecycle stage of an experiment or run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In use.
    Active,
    /// Soft-deleted: it can be restored, but not written to.
    Deleted,
}

impl Stage {
    /// The other stage.
    pub fn opposite(self) -> Self {
        match self {
            Stage::Active => Stage::Deleted,
            Stage::Deleted => Stage::Active,
        }
    }

    /// MLflow's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Active => "active",
            Stage::Deleted => "deleted",
        }
    }
}

/// A stage and the experiment's epoch in which it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// The stage that was set.
    pub stage: Stage,
    /// The number of times that the experiment had been deleted or restored by then.
    pub epoch: u64,
}

impl Lifecycle {
    /// The effective stage of a run of an experiment.
    pub fn of_run(self, experiment: Lifecycle) -> Stage {
        if self.epoch < experiment.epoch {
            experiment.stage
        } else {
            self.stage
        }
    }
}

/// The stages that a search shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Only active ones.
    ActiveOnly,
    /// Only deleted ones.
    DeletedOnly,
    /// Both stages.
    All,
}

impl View {
    /// True if the view shows this stage.
    pub fn shows(self, stage: Stage) -> bool {
        self.only().is_none_or(|only| only == stage)
    }

    /// The only stage that the view shows. `None`: it shows both.
    pub fn only(self) -> Option<Stage> {
        match self {
            View::ActiveOnly => Some(Stage::Active),
            View::DeletedOnly => Some(Stage::Deleted),
            View::All => None,
        }
    }

    /// True if a run stored with this stage can be shown. Its effective stage is the stored one, or the
    /// experiment's, when a later event of the experiment overruled it.
    pub fn shows_stored(self, stored: Stage, experiment: Lifecycle) -> bool {
        self.shows(stored) || (experiment.epoch > 0 && self.shows(experiment.stage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Stage; 2] = [Stage::Active, Stage::Deleted];

    #[test]
    fn an_experiments_event_overrules_older_stages_of_its_runs() {
        let experiment = Lifecycle {
            stage: Stage::Deleted,
            epoch: 3,
        };
        let run = |stage, epoch| Lifecycle { stage, epoch }.of_run(experiment);
        assert_eq!(run(Stage::Active, 2), Stage::Deleted);
        assert_eq!(run(Stage::Active, 3), Stage::Active);
        assert_eq!(run(Stage::Deleted, 3), Stage::Deleted);
    }

    #[test]
    fn a_view_covers_every_stored_stage_of_a_shown_run() {
        for view in [View::ActiveOnly, View::DeletedOnly, View::All] {
            for (stored, set) in BOTH.into_iter().flat_map(|stored| BOTH.map(|set| (stored, set))) {
                for (run_epoch, epoch) in [(0, 0), (0, 1), (1, 1)] {
                    let experiment = Lifecycle { stage: set, epoch };
                    let run = Lifecycle {
                        stage: stored,
                        epoch: run_epoch,
                    };
                    if view.shows(run.of_run(experiment)) {
                        assert!(view.shows_stored(stored, experiment), "{view:?} {run:?} {experiment:?}");
                    }
                }
            }
        }
    }
}
