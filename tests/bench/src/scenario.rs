//! Scenarios: the rows of the table of a group.

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use serde_json::Value;

use crate::client::{Answer, Call};
use crate::fixture::Fixture;
use crate::numbers::whole;

/// A kind of request: one line of the table for each number of connections.
pub(crate) struct Scenario {
    /// The name that `--only` is compared with. In a search it follows the number of runs.
    pub(crate) name: &'static str,
    /// The maximum number of connections that makes sense.
    pub(crate) concurrency_max: usize,
    /// The limit of its rate on this machine.
    pub(crate) bound: Bound,
    /// The status of a right answer.
    pub(crate) status: u16,
    /// Makes the next request of a worker.
    pub(crate) call: fn(&Fixture, &Turn) -> Call,
    /// The expected lengths in the first answer: JSON pointers with the lengths of the lists or texts there.
    pub(crate) expected: fn(&Fixture) -> Vec<(&'static str, u64)>,
    /// Requests that one more worker sends in the meantime. They are not counted in the rate.
    pub(crate) beside: Option<fn(&Fixture, &Turn) -> Call>,
    /// True if `Turn::last` is needed.
    pub(crate) keeps_answers: bool,
    /// True if native code can do the same, as a comparison.
    pub(crate) has_native: bool,
    /// Number of bytes of the file that each request transfers; 0: it transfers none.
    pub(crate) file_bytes: u64,
}

impl Scenario {
    /// A scenario with defaults: any concurrency, status 200, nothing expected of the body.
    pub(crate) const fn new(name: &'static str, bound: Bound, call: fn(&Fixture, &Turn) -> Call) -> Self {
        Self {
            name,
            concurrency_max: usize::MAX,
            bound,
            status: 200,
            call,
            expected: |_| Vec::new(),
            beside: None,
            keeps_answers: false,
            has_native: false,
            file_bytes: 0,
        }
    }

    /// The name of the baseline server's line for this scenario. `None`: there is none.
    pub(crate) fn bare_name(&self) -> Option<&'static str> {
        match self.bound {
            Bound::File => Some("bare"),
            _ => self.has_native.then_some("native"),
        }
    }

    /// Fails unless an answer is as expected.
    pub(crate) fn check(&self, fixture: &Fixture, answer: &Answer) -> Result<()> {
        if answer.status != self.status {
            return Err(anyhow!("{} instead of {}", answer.brief(), self.status));
        }
        let expected = (self.expected)(fixture);
        if expected.is_empty() {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(&answer.body).context("the answer is not JSON")?;
        for (pointer, length) in expected {
            let found = match body.pointer(pointer) {
                Some(Value::Array(items)) => whole(items.len()),
                Some(Value::String(text)) => whole(text.len()),
                _ => 0,
            };
            if found != length {
                return Err(anyhow!(
                    "{pointer} has length {found} instead of {length}: {}",
                    answer.brief()
                ));
            }
        }
        Ok(())
    }
}

/// The limits of the rate of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// A flush that all waiting requests share.
    Flush,
    /// Writing the answer as JSON on one core.
    Json,
    /// Only the HTTP server.
    Http,
    /// A plain handler that writes or reads the same file.
    File,
}

/// The position of a request in a measurement.
#[derive(Default)]
pub(crate) struct Turn {
    /// The number of the worker, from 0.
    pub(crate) worker: usize,
    /// Number of earlier requests of this worker.
    pub(crate) round: u64,
    /// A number that differs between all measurements of one run of this program.
    pub(crate) series: u64,
    /// The previous answer, if the scenario keeps answers.
    pub(crate) last: Bytes,
}
