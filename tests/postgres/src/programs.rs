//! The programs of the newest server, and how they are run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The folder of Debian's servers, one folder a version.
pub const SERVERS: &str = "/usr/lib/postgresql";

/// True if some version of the server is there.
pub fn is_installed() -> bool {
    newest().is_ok()
}

/// The programs of the newest server.
pub(crate) struct Programs {
    folder: PathBuf,
    /// The command that runs another one as a user whom the server accepts. Empty: this user is one.
    as_user: &'static [&'static str],
}

impl Programs {
    pub(crate) fn find() -> Result<Self> {
        let is_root = output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0");
        // The server refuses to run as root. The package has made the user.
        let as_user: &[&str] = if is_root {
            &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        } else {
            &[]
        };
        Ok(Self {
            folder: newest()?,
            as_user,
        })
    }

    pub(crate) fn are_of_another_user(&self) -> bool {
        !self.as_user.is_empty()
    }

    /// Gives a folder to the user of the server.
    pub(crate) fn give_away(&self, dir: &Path) -> Result<()> {
        if self.are_of_another_user() {
            run(Command::new("chown").arg("postgres").arg(dir))?;
        }
        Ok(())
    }

    /// A command in a folder: one of the server's programs.
    pub(crate) fn command(&self, name: &str, dir: &Path) -> Command {
        self.any(&self.folder.join(name), dir)
    }

    /// A command in a folder, as the user of the server.
    pub(crate) fn any(&self, program: &Path, dir: &Path) -> Command {
        let mut command = match self.as_user.split_first() {
            Some((first, rest)) => {
                let mut user = Command::new(first);
                user.args(rest).arg(program);
                user
            }
            None => Command::new(program),
        };
        command.current_dir(dir).stdin(Stdio::null());
        command
    }
}

/// The folder of the newest server's programs.
fn newest() -> Result<PathBuf> {
    let versions = fs::read_dir(SERVERS).with_context(|| format!("there is no {SERVERS}"))?;
    let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let paths = versions.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let newest = paths.filter(|path| path.join("bin/initdb").exists()).max_by_key(number);
    Ok(newest.with_context(|| format!("no server in {SERVERS}"))?.join("bin"))
}

/// Runs a command silently; its whole output is in the error when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs a command that starts a server. The server inherits the output, and a pipe of this program would never end.
pub(crate) fn run_without_output(command: &mut Command) -> Result<()> {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = silent.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// The output of a command that must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if !output.status.success() {
        bail!("{command:?} ended with {}\n{out}{err}", output.status);
    }
    Ok(out.trim().to_owned())
}

/// Kills processes. Those that have just ended by themselves are left out.
pub(crate) fn kill(pids: &[u32]) -> Result<()> {
    let (first, others) = pids.split_first().context("no process to kill")?;
    let kill = |pids: &[u32]| {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s KILL \"$@\"", "sh"]);
        kill.args(pids.iter().map(u32::to_string));
        output(&mut kill)
    };
    // The first one would start others anew.
    kill(&[*first])?;
    _ = kill(others);
    Ok(())
}
