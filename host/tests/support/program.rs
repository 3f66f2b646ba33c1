//! Commands of the program on a data directory.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use super::compiled::share_compiled;

/// A command on a data directory.
pub(crate) fn mlforge(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command.args(arguments).arg("--data").arg(data);
    command
}

/// A server on a free port, whose log stands beside its data directory. It finds the component compiled.
pub(crate) fn serve(data: &Path) -> Command {
    share_compiled(data);
    let mut command = mlforge(data, &["serve", "--listen", "127.0.0.1:0"]);
    command.stderr(File::create(data.with_extension("log")).unwrap());
    command
}

/// Runs a command that must succeed. Returns what it printed.
#[track_caller]
pub(crate) fn done(mut command: Command) -> String {
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}
