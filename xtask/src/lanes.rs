//! Parts of the suite that run beside each other, each in an xtask of its own.
//!
//! Such a part mostly waits for one answer at a time, so it leaves half of two cores idle. Its output is printed whole when
//! it has ended: lines of two parts never mix.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{Write, stdout};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::step::{command, seconds};
use crate::suite::{Part, Tally};

/// Number of parts that run at the same time.
const LANES: usize = 2;

/// A part that has ended.
struct Ended {
    part: Part,
    succeeded: bool,
    output: Vec<u8>,
    time: Duration,
}

/// Runs parts in this order, two at a time. After a failure no other part is started. `ready` waits for the set-up of a part.
pub(crate) fn run_beside(
    layout: &Layout,
    parts: &[Part],
    ready: impl FnMut(Part) -> Result<()> + Send,
    tally: &mut Tally,
) -> Result<()> {
    let waiting = Mutex::new((parts.iter().copied().collect::<VecDeque<Part>>(), ready));
    let ended = Mutex::new(Vec::new());
    let lane = || -> Result<()> {
        while let Some(part) = next_ready(&waiting)? {
            let outcome = run_part(layout, part)?;
            if !outcome.succeeded {
                locked(&waiting).0.clear();
            }
            print(&outcome)?;
            locked(&ended).push(outcome);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        let join = |lane: ScopedJoinHandle<'_, Result<()>>| lane.join().unwrap_or_else(|_| bail!("a lane broke"));
        lanes.into_iter().try_for_each(join)
    })?;
    let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    count(&ended, tally);
    match ended.iter().find(|part| !part.succeeded) {
        Some(failed) => {
            // Once more, since the output of another part may stand below the first copy.
            print(failed)?;
            bail!("part failed: {}", failed.part.name())
        }
        None => Ok(()),
    }
}

/// Takes the next part and waits for its set-up. The lock is held meanwhile: the order stays, and the other lane has a part.
fn next_ready(waiting: &Mutex<(VecDeque<Part>, impl FnMut(Part) -> Result<()>)>) -> Result<Option<Part>> {
    let mut waiting = locked(waiting);
    let Some(part) = waiting.0.pop_front() else {
        return Ok(None);
    };
    (waiting.1)(part)?;
    Ok(Some(part))
}

/// Runs one part to its end. Its output is kept in a file: both streams in the order of their lines.
fn run_part(layout: &Layout, part: Part) -> Result<Ended> {
    eprintln!("==> {} begins", part.name());
    let started = Instant::now();
    let dir = layout.target.join("suite");
    fs::create_dir_all(&dir)?;
    let path = dir.join(format!("{}.log", part.name()));
    let log = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut test = command(&layout.xtask, &layout.root);
    // `Layout::find` of the second xtask must find the same repository.
    test.env("CARGO_MANIFEST_DIR", layout.root.join("xtask"));
    test.args(["test", part.name()]).stdin(Stdio::null());
    let status = test
        .stdout(log.try_clone()?)
        .stderr(log)
        .status()
        .with_context(|| format!("cannot start {}", layout.xtask.display()))?;
    Ok(Ended {
        part,
        succeeded: status.success(),
        output: fs::read(&path)?,
        time: started.elapsed(),
    })
}

/// Prints the output of a part.
fn print(ended: &Ended) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "==> {}", ended.part.name())?;
    out.write_all(&ended.output)?;
    writeln!(out, "    {}: {}", ended.part.name(), seconds(ended.time))?;
    Ok(out.flush()?)
}

/// Adds the tests that passed in these parts.
fn count(ended: &[Ended], tally: &mut Tally) {
    for line in ended.iter().flat_map(|part| part.output.split(|&byte| byte == b'\n')) {
        tally.see(&String::from_utf8_lossy(line));
    }
}

/// The value behind a lock. A lane that broke is reported at the end.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A layout whose xtask is a script: the part `soak` fails, and each other one reports two tests.
    fn layout(test: &str) -> Result<Layout> {
        let root = std::env::temp_dir().join(format!("mlforge-lanes-{}-{test}", std::process::id()));
        fs::create_dir_all(&root)?;
        let xtask = root.join("xtask.sh");
        fs::write(
            &xtask,
            "#!/bin/sh\ntest \"$2\" != soak && echo \"== 2 passed in 1s ==\"\n",
        )?;
        fs::set_permissions(&xtask, fs::Permissions::from_mode(0o755))?;
        let target = root.join("target");
        Ok(Layout { root, target, xtask })
    }

    #[test]
    fn every_part_runs_and_its_tests_count() -> Result<()> {
        let layout = layout("all")?;
        let (mut tally, mut set_up) = (Tally::default(), Vec::new());
        let parts = [Part::Browser, Part::S3, Part::Clients];
        let ready = |part| {
            set_up.push(part);
            Ok(())
        };
        run_beside(&layout, &parts, ready, &mut tally)?;
        assert_eq!((tally.passed, set_up.as_slice()), (6, parts.as_slice()));
        Ok(fs::remove_dir_all(&layout.root)?)
    }

    #[test]
    fn a_part_that_fails_is_named() -> Result<()> {
        let layout = layout("failure")?;
        let outcome = run_beside(&layout, &[Part::S3, Part::Soak], |_| Ok(()), &mut Tally::default());
        assert!(outcome.is_err_and(|error| error.to_string() == "part failed: soak"));
        Ok(fs::remove_dir_all(&layout.root)?)
    }
}
