//! What a scenario is: a row of the table of its group.

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use serde_json::Value;

use crate::client::{Answer, Call};
use crate::fixture::Fixture;
use crate::numbers::whole;

/// A kind of request: one line of the table for each number of connections.
pub(crate) struct Scenario {
    /// What `--only` looks at; in a search it follows the number of runs.
    pub(crate) name: &'static str,
    /// The most connections that make sense.
    pub(crate) concurrency_max: usize,
    /// What bounds its rate on this machine.
    pub(crate) bound: Bound,
    /// The status of a right answer.
    pub(crate) status: u16,
    /// Makes the next request of a worker.
    pub(crate) call: fn(&Fixture, &Turn) -> Call,
    /// Where in the first answer is how much: JSON pointers with the lengths of the lists or texts there.
    pub(crate) expected: fn(&Fixture) -> Vec<(&'static str, u64)>,
    /// Requests that one more worker sends meanwhile, not counted in the rate.
    pub(crate) beside: Option<fn(&Fixture, &Turn) -> Call>,
    /// Whether `Turn::last` is wanted.
    pub(crate) keeps_answers: bool,
    /// Whether native code can do the same, to compare with.
    pub(crate) has_native: bool,
    /// Bytes of the file that each request carries there or back; 0 when it carries none.
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

    /// What a server without anything around it is called that does the same; none when there is none.
    pub(crate) fn bare_name(&self) -> Option<&'static str> {
        match self.bound {
            Bound::File => Some("bare"),
            _ => self.has_native.then_some("native"),
        }
    }

    /// Whether an answer is what it expects.
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

/// What bounds the rate of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// A flush for all requests that wait.
    Flush,
    /// Writing the answer as JSON on one core.
    Json,
    /// Only the HTTP server.
    Http,
    /// A handler without anything around it that writes or reads the same file.
    File,
}

/// Which request it is.
#[derive(Default)]
pub(crate) struct Turn {
    /// The number of the worker, from 0.
    pub(crate) worker: usize,
    /// Requests of this worker before.
    pub(crate) round: u64,
    /// Differs between all measurements of one run of this program.
    pub(crate) series: u64,
    /// The answer before, when the scenario keeps answers.
    pub(crate) last: Bytes,
}
