//! One change that a caller makes: the request, what it does to the model, and what has to be looked at when nobody knows
//! whether it happened.

use anyhow::Result;
use mlforge_bench::client::{Call, Target};

use crate::api::Reply;
use crate::dice::Dice;
use crate::expected::Expected;

/// What a change does to the model, given the answer.
pub(crate) type Effect = Box<dyn FnOnce(&mut Expected, &Reply) -> Result<()> + Send>;

/// A change.
pub(crate) struct Step {
    /// The request.
    pub(crate) call: Call,
    /// What shows whether it happened.
    pub(crate) piece: Piece,
    /// The status that it must be refused with; none when it must be done.
    pub(crate) refused: Option<u16>,
    /// What it does when it is done. Of a thing that was there before, the answer says nothing that is needed.
    pub(crate) effect: Effect,
}

/// A part of what a caller made, by its index.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// Nothing that is seen; it may be done again.
    Repeatable,
    /// Nothing that is seen, and nothing will come of it.
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
    /// An experiment to be made, of this name.
    NewExperiment(String),
    /// A run to be made in an experiment, with this value of the tag `token`.
    NewRun(usize, String),
    /// A model to be made, of this name.
    NewModel(String),
    /// A version to be made of a model, with this value of the tag `token`.
    NewVersion(usize, String),
}

impl Piece {
    /// Whether it is to be made: then its index is known once it is found.
    pub(crate) fn is_new(&self) -> bool {
        matches!(
            self,
            Self::NewExperiment(_) | Self::NewRun(..) | Self::NewModel(_) | Self::NewVersion(..)
        )
    }
}

impl Step {
    /// A change that must be done.
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

    /// The same, which must be refused with this status when this is so.
    pub(crate) fn refused_if(mut self, is_refused: bool, status: u16) -> Self {
        if is_refused {
            self.refused = self.refused.or(Some(status));
        }
        self
    }
}

/// What a change is made up from.
pub(crate) struct Draw<'a> {
    /// What the caller made so far.
    pub(crate) expected: &'a Expected,
    /// The project, and who calls.
    pub(crate) target: &'a Target,
    /// Where choices come from.
    pub(crate) dice: &'a mut Dice,
}

/// A kind of change: none when there is nothing to be changed so.
pub(crate) type Action = fn(&mut Draw<'_>) -> Option<Step>;
