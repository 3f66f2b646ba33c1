//! The progress of a migration, for people: a line now and then.

use std::io::{IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two lines on a terminal.
const PAUSE: Duration = Duration::from_millis(500);
/// Time between two lines elsewhere, such as in the log of a job.
const LOG_PAUSE: Duration = Duration::from_secs(15);

/// The moment of the last line.
#[derive(Default)]
pub(super) struct Progress(Mutex<Option<Instant>>);

impl Progress {
    /// Shows a line, unless one was shown just before.
    pub(super) fn show(&self, line: &str) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_terminal = std::io::stderr().is_terminal();
        let pause = if is_terminal { PAUSE } else { LOG_PAUSE };
        if last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        *last = Some(Instant::now());
        // If stderr is closed, nobody can be told.
        _ = match is_terminal {
            true => write!(std::io::stderr(), "\r\x1b[K{line}"),
            false => writeln!(std::io::stderr(), "{line}"),
        };
    }

    /// Removes the line from a terminal.
    pub(super) fn end(&self) {
        if std::io::stderr().is_terminal() {
            _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
