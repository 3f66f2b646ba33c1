//! The progress and the result of an import or export, for people.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::source::Unreadable;

/// Time between two lines of progress on a terminal.
const PAUSE: Duration = Duration::from_millis(500);
/// Time between two lines of progress elsewhere, such as in the log of a job.
const LOG_PAUSE: Duration = Duration::from_secs(15);
/// Largest number of problems that are shown. All are counted.
const PROBLEMS_SHOWN_MAX: usize = 1_000;

/// An error after which nothing more can be carried, such as a full disk or a server that is gone.
#[derive(Debug)]
pub(in crate::cli) struct Fatal(pub(in crate::cli) String);

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Fatal {}

/// The kinds of what is carried, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Kind {
    Experiments,
    Runs,
    Points,
    LoggedModels,
    Models,
    Versions,
    Files,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Experiments => "experiments",
            Self::Runs => "runs",
            Self::Points => "points of metrics",
            Self::LoggedModels => "logged models",
            Self::Models => "registered models and prompts",
            Self::Versions => "versions",
            Self::Files => "files",
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    carried: u64,
    present: u64,
}

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<Kind, Count>,
    problems: Vec<String>,
    problems_total: u64,
    /// Runs, logged models and versions that have no files where the store says.
    without_files: u64,
}

/// Counts of the objects carried so far, and the reasons why others were not. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Report(Arc<Mutex<State>>);

impl Report {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what was carried.
    pub(in crate::cli) fn carried(&self, kind: Kind, count: usize) {
        self.state().counts.entry(kind).or_default().carried += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// Counts one that is there already.
    pub(in crate::cli) fn present(&self, kind: Kind) {
        self.state().counts.entry(kind).or_default().present += 1;
    }

    /// Notes what could not be carried, and why.
    pub(in crate::cli) fn problem(&self, object: impl fmt::Display, reason: impl fmt::Display) {
        let mut state = self.state();
        state.problems_total += 1;
        if state.problems.len() < PROBLEMS_SHOWN_MAX {
            state.problems.push(format!("{object}: {reason}"));
        }
    }

    /// Counts an object that has no files where the store says.
    pub(super) fn without_files(&self) {
        self.state().without_files += 1;
    }

    /// Notes the objects of a page that cannot be read.
    pub(super) fn unreadable(&self, objects: &[Unreadable]) {
        for object in objects {
            self.problem(&object.object, &object.reason);
        }
    }

    /// Notes the error of one object. A fatal one is returned: it ends the work.
    pub(in crate::cli) fn survive<T>(
        &self,
        object: impl fmt::Display,
        result: anyhow::Result<T>,
    ) -> anyhow::Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is::<Fatal>() => Err(error),
            Err(error) => {
                self.problem(object, format!("{error:#}"));
                Ok(None)
            }
        }
    }

    /// One line that says how far the work is.
    fn line(&self) -> String {
        let state = self.state();
        let count = |kind| {
            let count = state.counts.get(&kind).copied().unwrap_or_default();
            count.carried + count.present
        };
        format!(
            "{} runs, {} points, {} files, {} versions, {} problems",
            count(Kind::Runs),
            count(Kind::Points),
            count(Kind::Files),
            count(Kind::Versions),
            state.problems_total
        )
    }

    /// Shows the progress on standard error until the handle is aborted.
    pub(in crate::cli) fn show_progress(&self) -> JoinHandle<()> {
        let report = self.clone();
        let is_terminal = io::stderr().is_terminal();
        tokio::spawn(async move {
            loop {
                sleep(if is_terminal { PAUSE } else { LOG_PAUSE }).await;
                let (begin, end) = if is_terminal { ("\r\x1b[K", "") } else { ("", "\n") };
                // If nobody reads it, the work goes on.
                _ = write!(io::stderr(), "{begin}{}{end}", report.line());
            }
        })
    }

    /// Writes the whole report.
    pub(in crate::cli) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let state = self.state();
        for (kind, count) in &state.counts {
            let present = match count.present {
                0 => String::new(),
                present => format!(" ({present} were there already)"),
            };
            writeln!(out, "{}\t{}{present}", count.carried, kind.name())?;
        }
        if state.without_files > 0 {
            let count = state.without_files;
            writeln!(
                out,
                "{count} runs, logged models and versions have no files; if they had, --artifacts says where"
            )?;
        }
        if state.problems_total == 0 {
            return Ok(());
        }
        writeln!(out, "{} could not be carried whole:", state.problems_total)?;
        for problem in &state.problems {
            writeln!(out, "  {problem}")?;
        }
        let hidden = state.problems_total - u64::try_from(state.problems.len()).unwrap_or(0);
        if hidden > 0 {
            writeln!(out, "  … and {hidden} more")?;
        }
        Ok(())
    }
}

/// Ends the line of progress on a terminal.
pub(in crate::cli) fn end_progress(progress: &JoinHandle<()>) {
    progress.abort();
    if io::stderr().is_terminal() {
        _ = write!(io::stderr(), "\r\x1b[K");
    }
}
