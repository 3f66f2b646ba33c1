//! One change that a caller makes: the request, its effect on the model, and the object that shows if it
//! happened.

use anyhow::Result;
use mlforge_bench::client::{Call, Target};
use mlforge_bench::dice::Dice;

use crate::api::Reply;
use crate::expected::Expected;

/// The effect of a change on the model, given the answer.
pub(crate) type Effect = Box<dyn FnOnce(&mut Expected, &Reply) -> Result<()> + Send>;

/// A change of a caller's own objects.
pub(crate) struct Step {
    /// The request.
    pub(crate) call: Call,
    /// The object that shows if the change happened.
    pub(crate) piece: Piece,
    /// The status with which it must be refused. `None`: it must succeed.
    pub(crate) refused: Option<u16>,
    /// The effect if the change is done. The answer matters only if it made the object.
    pub(crate) effect: Effect,
}

/// A part of the objects that a caller made, by index.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// Nothing visible; the change may be repeated.
    Repeatable,
    /// Nothing visible; the change has no effect.
    GivenUp,
    /// An experiment with the stages of its runs.
    Experiment(usize),
    /// A run with its histories.
    Run(usize),
    /// All artifacts of a run.
    Files(usize),
    /// One artifact of a run.
    File(usize, String),
    /// A model with its versions.
    Model(usize),
    /// An experiment to be made, with this name.
    NewExperiment(String),
    /// A run to be made in an experiment, with this value of the tag `token`.
    NewRun(usize, String),
    /// A model to be made, with this name.
    NewModel(String),
    /// A trace with its spans, tags and feedback.
    Trace(usize),
    /// A trace to be made, with this id of OpenTelemetry.
    NewTrace(String),
    /// A version to be made of a model, with this value of the tag `token`.
    NewVersion(usize, String),
}

impl Piece {
    /// True if the object is to be made. Its index is known after it is found.
    pub(crate) fn is_new(&self) -> bool {
        matches!(
            self,
            Self::NewExperiment(_) | Self::NewRun(..) | Self::NewModel(_) | Self::NewVersion(..) | Self::NewTrace(_)
        )
    }
}

impl Step {
    /// A change that must succeed.
    pub(crate) fn new(
        call: Call,
        piece: Piece,
        effect: impl FnOnce(&mut Expected, &Reply) -> Result<()> + Send + 'static,
    ) -> Self {
        Self {
            call,
            piece,
            refused: None,
            effect: Box::new(effect),
        }
    }

    /// If the condition holds, the change must be refused with this status.
    pub(crate) fn refused_if(mut self, is_refused: bool, status: u16) -> Self {
        if is_refused {
            self.refused = self.refused.or(Some(status));
        }
        self
    }
}

/// The state from which a change is drawn.
pub(crate) struct Draw<'a> {
    /// The objects that the caller made so far.
    pub(crate) expected: &'a Expected,
    /// The project and the caller.
    pub(crate) target: &'a Target,
    /// The source of random choices.
    pub(crate) dice: &'a mut Dice,
    /// True if files are changed too. Without a store that they share, each of several servers has files of its own.
    pub(crate) with_files: bool,
}

/// A kind of change. `None`: there is nothing to change in this way.
pub(crate) type Action = fn(&mut Draw<'_>) -> Option<Step>;
