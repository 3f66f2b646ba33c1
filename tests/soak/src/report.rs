//! The output for each round.

use std::fmt;

use crate::caller::Counts;

/// Prints a line to standard output, which may be closed.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        _ = writeln!(std::io::stdout(), $($text)*);
    }};
}
pub(crate) use say;

/// The counters of a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round(Counts);

impl Round {
    /// A round with these counts.
    pub(crate) fn of(counts: Counts) -> Self {
        Self(counts)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { done, failed, read } = self.0;
        write!(
            f,
            "{done} changes acknowledged, {failed} failed, {read} things read and compared"
        )
    }
}
