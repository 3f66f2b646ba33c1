//! Soft deletion of experiments and runs.
//!
//! Deleting or restoring an experiment does the same to every run in it, however many there are. So that it costs one
//! write, an experiment counts these events in an epoch, and a run remembers the epoch in which its own stage was set:
//! an older stage is overruled by the experiment's.

/// True if a thing is in use or soft-deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In use.
    Active,
    /// Soft-deleted: can be restored, not written.
    Deleted,
}

impl Stage {
    /// The other one.
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
    /// What was set.
    pub stage: Stage,
    /// How often the experiment had been deleted or restored by then.
    pub epoch: u64,
}

impl Lifecycle {
    /// The stage that holds for a run of an experiment.
    pub fn of_run(self, experiment: Lifecycle) -> Stage {
        if self.epoch < experiment.epoch {
            experiment.stage
        } else {
            self.stage
        }
    }
}

/// Which stages a search shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Active ones.
    ActiveOnly,
    /// Deleted ones.
    DeletedOnly,
    /// All.
    All,
}

impl View {
    /// True if it shows this stage.
    pub fn shows(self, stage: Stage) -> bool {
        self.only().is_none_or(|only| only == stage)
    }

    /// The stage of all that it shows, if it is one.
    pub fn only(self) -> Option<Stage> {
        match self {
            View::ActiveOnly => Some(Stage::Active),
            View::DeletedOnly => Some(Stage::Deleted),
            View::All => None,
        }
    }

    /// The stored stages under which runs of an experiment can be that it shows: the shown ones, and the other one when
    /// an event of the whole experiment has overruled it.
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
    fn a_view_looks_wherever_a_shown_run_can_be() {
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
