//! Counts of the requests that were refused since a bound of the server was reached.

use crate::limits::budget::Exhausted;
use crate::limits::rate::RateOf;
use crate::metrics::Counter;

/// A bound for which requests are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The rate of a token.
    TokenRate,
    /// The rate of a project.
    ProjectRate,
    /// The share of a caller.
    CallerShare,
    /// The share of a project.
    ProjectShare,
    /// The bound of the whole server.
    Server,
}

impl From<Exhausted> for Bound {
    fn from(exhausted: Exhausted) -> Self {
        match exhausted {
            Exhausted::All => Self::Server,
            Exhausted::Project => Self::ProjectShare,
            Exhausted::Caller => Self::CallerShare,
        }
    }
}

impl From<RateOf> for Bound {
    fn from(of: RateOf) -> Self {
        match of {
            RateOf::Token => Self::TokenRate,
            RateOf::Project => Self::ProjectRate,
        }
    }
}

/// The refused requests by bound.
#[derive(Default)]
pub(crate) struct RefusalCounts {
    token_rate: Counter,
    project_rate: Counter,
    caller_share: Counter,
    project_share: Counter,
    server: Counter,
}

impl RefusalCounts {
    pub(crate) fn of(&self, bound: Bound) -> &Counter {
        match bound {
            Bound::TokenRate => &self.token_rate,
            Bound::ProjectRate => &self.project_rate,
            Bound::CallerShare => &self.caller_share,
            Bound::ProjectShare => &self.project_share,
            Bound::Server => &self.server,
        }
    }

    /// The bounds by name, with their counts.
    pub(crate) fn each(&self) -> [(&'static str, u64); 5] {
        [
            ("token_rate", self.token_rate.get()),
            ("project_rate", self.project_rate.get()),
            ("caller_share", self.caller_share.get()),
            ("project_share", self.project_share.get()),
            ("server", self.server.get()),
        ]
    }
}
