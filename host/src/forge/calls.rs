//! Counts of the calls of a forge, and of the decisions that its cache had already.

use std::time::{Duration, Instant};

use super::ForgeError;
use crate::metrics::{Counter, Histogram};

/// A question that the host asks a forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForgeCall {
    /// A caller and their role.
    Resolve,
    /// The projects of a caller.
    Projects,
    /// A CI job.
    Job,
    /// A new status of a commit.
    CommitStatus,
}

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallResult {
    /// The forge did what was asked.
    Answered,
    /// The forge refused the caller, or does not have what was asked for.
    Refused,
    /// The forge did not answer, or was not understood.
    Failed,
    /// The forge took too long.
    TimedOut,
}

impl ForgeCall {
    pub(crate) const ALL: [Self; 4] = [Self::Resolve, Self::Projects, Self::Job, Self::CommitStatus];

    /// The name in the metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Projects => "projects",
            Self::Job => "job",
            Self::CommitStatus => "commit_status",
        }
    }

    fn late(self) -> &'static str {
        match self {
            Self::Resolve => "it did not answer in time",
            Self::Projects => "it did not list projects in time",
            Self::Job => "it did not tell of a CI job in time",
            Self::CommitStatus => "it did not take a commit status in time",
        }
    }
}

impl CallResult {
    pub(crate) const ALL: [Self; 4] = [Self::Answered, Self::Refused, Self::Failed, Self::TimedOut];

    /// The name in the metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// The counts of one kind of call.
#[derive(Debug, Default)]
pub(crate) struct CallCounts {
    results: [Counter; CallResult::ALL.len()],
    pub(crate) seconds: Histogram,
}

impl CallCounts {
    /// Number of calls that ended so.
    pub(crate) fn ended(&self, result: CallResult) -> u64 {
        self.results.get(result as usize).map_or(0, Counter::get)
    }
}

/// The counts of all calls.
#[derive(Debug, Default)]
pub(crate) struct ForgeCalls {
    calls: [CallCounts; ForgeCall::ALL.len()],
    /// Decisions that were kept from an earlier call, or came from one that another request had begun.
    pub(crate) cache_hits: Counter,
    /// Decisions for which the forge was asked.
    pub(crate) cache_misses: Counter,
}

impl ForgeCalls {
    /// The counts of each kind of call.
    pub(crate) fn each(&self) -> impl Iterator<Item = (ForgeCall, &CallCounts)> {
        ForgeCall::ALL.into_iter().zip(&self.calls)
    }

    /// Waits for a call, at most for `time`, and counts it.
    pub(crate) async fn bounded<T>(
        &self,
        call: ForgeCall,
        time: Duration,
        work: impl Future<Output = Result<T, ForgeError>>,
        is_refusal: impl FnOnce(&T) -> bool,
    ) -> Result<T, ForgeError> {
        let began = Instant::now();
        let (result, answer) = match tokio::time::timeout(time, work).await {
            Ok(Ok(answer)) if is_refusal(&answer) => (CallResult::Refused, Ok(answer)),
            Ok(Ok(answer)) => (CallResult::Answered, Ok(answer)),
            Ok(Err(error)) => (CallResult::Failed, Err(error)),
            Err(_) => (CallResult::TimedOut, Err(ForgeError::new(call.late()))),
        };
        if let Some(counts) = self.calls.get(call as usize) {
            counts.seconds.record(began.elapsed());
            if let Some(count) = counts.results.get(result as usize) {
                count.increment();
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_call_counts_once_by_its_result() {
        let calls = ForgeCalls::default();
        let second = Duration::from_secs(1);
        let job = ForgeCall::Job;
        assert!(calls.bounded(job, second, async { Ok(1) }, |_| false).await.is_ok());
        assert!(calls.bounded(job, second, async { Ok(1) }, |_| true).await.is_ok());
        let fails = async { Err::<u8, _>(ForgeError::new("down")) };
        assert!(calls.bounded(job, second, fails, |_| false).await.is_err());
        let late = calls.bounded(job, second, std::future::pending::<Result<u8, _>>(), |_| false);
        assert_eq!(late.await.unwrap_err().reason, "it did not tell of a CI job in time");
        for (call, counts) in calls.each() {
            let expected = u64::from(call == job);
            for result in CallResult::ALL {
                assert_eq!(counts.ended(result), expected, "{call:?} {result:?}");
            }
            assert_eq!(counts.seconds.read().count(), 4 * expected);
        }
    }
}
