//! One step: a command that is announced, timed, run, and named when it fails.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs one step and says how long it took. The step's name is in the error when it fails.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {name}");
    let started = Instant::now();
    let value = work().with_context(|| format!("step failed: {name}"))?;
    eprintln!("    {name}: {}", seconds(started.elapsed()));
    Ok(value)
}

/// A duration as people read it: `12.3 s`, `4 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let (minutes, rest) = (time.as_secs() / 60, time.as_secs() % 60);
    if minutes == 0 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{minutes} min {rest:02} s")
    }
}

/// A command in a directory, without what `cargo run` told *this* program about its own package: build scripts
/// that watch those variables would run again each time.
pub(crate) fn command(program: impl AsRef<Path>, dir: &Path) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir(dir);
    for (name, _) in env::vars_os() {
        let of_this_package = name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        });
        if of_this_package {
            command.env_remove(name);
        }
    }
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo(dir: &Path) -> Command {
    command(
        env::var_os("CARGO").map_or_else(|| "cargo".into(), std::path::PathBuf::from),
        dir,
    )
}

/// The features of every build for tests. One set for all parts: another one would compile most of the workspace again.
const TEST_FEATURES: &str = "mlforge/postgres-tests,mlforge/s3-tests";

/// A cargo command for the whole workspace, with everything that is tested: `build`, `clippy` or `test`.
pub(crate) fn cargo_for_tests(dir: &Path, verb: &str) -> Command {
    let mut command = cargo(dir);
    command.args([verb, "--workspace", "--features", TEST_FEATURES]);
    command
}

/// Runs a command to its end; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", words(command)))?;
    succeeded(command, status)
}

/// Runs a command that may talk on stdout, and sends that to stderr: stdout belongs to what is started last.
pub(crate) fn run_on_stderr(command: &mut Command) -> Result<()> {
    passing_lines(command, |line| eprintln!("{line}"))
}

/// Runs a command, prints its stdout as it comes, and shows each line to `see` too.
pub(crate) fn run_watched(command: &mut Command, mut see: impl FnMut(&str)) -> Result<()> {
    passing_lines(command, |line| {
        println!("{line}");
        see(line);
    })
}

/// True if a command runs and succeeds. Its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The stdout of a command. `None`: it failed.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command silently; its whole output is in the error when it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", words(command)))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    bail!("{} ended with {}\n{out}{err}", words(command), output.status)
}

fn passing_lines(command: &mut Command, mut pass: impl FnMut(&str)) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", words(command)))?;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            pass(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
            line.clear();
        }
    }
    std::io::stdout().flush()?;
    let status = child.wait()?;
    succeeded(command, status)
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        Ok(())
    } else {
        bail!("{} ended with {status}", words(command))
    }
}

/// A command and its arguments, with spaces between them.
pub(crate) fn words(command: &Command) -> String {
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(command.get_program().to_string_lossy().into_owned())
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}
