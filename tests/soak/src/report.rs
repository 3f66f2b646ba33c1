//! What is printed of each round.

use std::fmt;

use crate::caller::Counts;

/// Prints a line to standard output, whose reader may be gone.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        _ = writeln!(std::io::stdout(), $($text)*);
    }};
}
pub(crate) use say;

/// What happened in a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round(Counts);

impl Round {
    /// One with these counts.
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
