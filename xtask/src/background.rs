//! Set-up that runs beside the first parts of the suite: a second xtask, on the time that the first one leaves idle.
//!
//! Compiling Garage and installing MLflow's packages take minutes and need nothing from this repository's own build. A
//! failure there is not reported: the part that needs the set-up tries it again.

use std::env;
use std::io::{Read, stdin};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use anyhow::Result;

use crate::layout::Layout;
use crate::step::{command, step};
use crate::suite::Part;

/// The option that a background xtask is started with: it ends when its standard input does.
pub(crate) const WITH_PARENT: &str = "--with-parent";

/// Background set-up for some parts. It ends with its owner, however that ends.
pub(crate) struct Background {
    parts: Vec<Part>,
    child: Child,
    _alive: Option<ChildStdin>,
}

impl Background {
    /// Starts set-up for these parts, unless it needs none or cannot run at low priority: then the parts do it themselves.
    pub(crate) fn start(layout: &Layout, parts: &[Part]) -> Option<Self> {
        if parts.is_empty() {
            return None;
        }
        let mut nice = command("nice", &layout.root);
        nice.args(["-n", "19"]).arg(env::current_exe().ok()?).arg("setup");
        nice.args(parts.iter().map(|part| part.name())).arg(WITH_PARENT);
        // `Layout::find` of the second xtask must find the same repository.
        nice.env("CARGO_MANIFEST_DIR", layout.root.join("xtask"));
        let mut child = in_own_group(&mut nice).stdin(Stdio::piped()).spawn().ok()?;
        let alive = child.stdin.take();
        Some(Self {
            parts: parts.to_vec(),
            child,
            _alive: alive,
        })
    }

    /// Waits until the set-up for this part has ended, if it was started.
    pub(crate) fn wait_for(&mut self, part: Part) -> Result<()> {
        if !self.parts.contains(&part) || self.child.try_wait()?.is_some() {
            return Ok(());
        }
        step(&format!("rest of the set-up for {}", part.name()), || {
            self.child.wait()?;
            Ok(())
        })
    }
}

/// Ends this process and its children as soon as its parent is gone.
pub(crate) fn end_with_parent() {
    thread::spawn(|| {
        // Nothing is ever sent. However the parent ends, its end of the pipe is closed.
        _ = stdin().lock().read(&mut [0]);
        _ = Command::new("sh").args(["-c", "kill -TERM 0"]).status();
    });
}

/// A group of processes of its own, which can be ended together.
#[cfg(unix)]
fn in_own_group(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    command.process_group(0)
}

#[cfg(not(unix))]
fn in_own_group(command: &mut Command) -> &mut Command {
    command
}
