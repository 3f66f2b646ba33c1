//! The tests of records in PostgreSQL, against Debian's server: one cluster with nothing in it, on a free port of this machine,
//! for as long as the tests run. Each test has a database of its own.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::clients;
use crate::debian::install_missing;
use crate::environment::make_missing;
use crate::layout::Layout;
use crate::step::{cargo_for_tests, command, output_of, run_on_stderr, run_quietly, run_watched, step};
use crate::suite::{Tally, build_all};

/// The folder of Debian's servers, one folder a version.
const SERVERS: &str = "/usr/lib/postgresql";
/// Number of starts, each on another port, since a free port may be taken before the server has it.
const STARTS_MAX: usize = 3;
/// Words in the paths of all tests that need the server.
pub(crate) const NEED_IT: [&str; 3] = ["storage::postgres::", "local::tests::database::", "on_postgres::"];
/// Front-door tests that run on PostgreSQL unless others are named: those that write and read records in many ways. The rest
/// tests what is above the storage, and would take minutes.
const FRONT_DOOR: [&str; 15] = [
    "contention::",
    "experiments::",
    "histories::",
    "large_deletions::",
    "logged_models::",
    "logging::",
    "long_batches::",
    "models::",
    "packing::",
    "purging::",
    "races::",
    "runs::",
    "search::",
    "traces::",
    "versions::",
];

/// Starts a server, and runs everything that needs it. `rest` replaces the filter of the front-door tests.
pub(crate) fn run_tests(layout: &Layout, rest: &[String], tally: &mut Tally) -> Result<()> {
    install(&layout.root)?;
    let server = step("start of PostgreSQL", || Server::start(&layout.target.join("postgres")))?;
    step("cargo test of the storage on PostgreSQL", || {
        let mut tests = cargo_for_tests(&layout.root, "test");
        tests.env("MLFORGE_TEST_POSTGRES", server.address());
        tests.args(["--lib", "--test", "postgres", "--"]).args(NEED_IT);
        must_test(&mut tests, tally)
    })?;
    step("hermetic tests on PostgreSQL", || {
        let mut tests = cargo_for_tests(&layout.root, "test");
        tests.env("MLFORGE_TEST_POSTGRES", server.address());
        tests.env("MLFORGE_TEST_STORAGE", "postgres");
        tests.args(["--test", "all"]);
        if rest.is_empty() {
            tests.arg("--").args(FRONT_DOOR);
        } else {
            tests.args(rest);
        }
        must_test(&mut tests, tally)
    })?;
    run_client_tests(layout, &server, rest, tally)
}

/// Runs the import of a store that MLflow itself made on the server, unless only some Rust tests were asked for.
fn run_client_tests(layout: &Layout, server: &Server, rest: &[String], tally: &mut Tally) -> Result<()> {
    if !rest.is_empty() {
        return Ok(());
    }
    let environment = clients::newest_environment(layout);
    step("Python environment", || {
        make_missing(layout, std::slice::from_ref(&environment))
    })?;
    build_all(layout)?;
    step("pytest with MLflow's tables on PostgreSQL", || {
        let mut pytest = environment.pytest(&layout.root.join("tests/clients"));
        pytest.env("MLFORGE_BIN", layout.mlforge("debug"));
        pytest.env("MLFORGE_TEST_POSTGRES", server.address());
        must_test(pytest.args(["-k", "PostgreSQL", "test_import.py"]), tally)
    })
}

/// Installs the server, unless some version of it is there.
pub(crate) fn install(dir: &Path) -> Result<()> {
    match programs() {
        Ok(_) => Ok(()),
        Err(_) => install_missing(dir, &[("postgresql", SERVERS)], "the tests of PostgreSQL"),
    }
}

/// Runs tests that must not turn out to be none.
fn must_test(tests: &mut Command, tally: &mut Tally) -> Result<()> {
    let passed_before = tally.passed;
    run_watched(tests, |line| tally.see(line))?;
    if tally.passed == passed_before {
        bail!("no test was run");
    }
    Ok(())
}

/// The folder of the newest server's programs.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir(SERVERS).with_context(|| format!("there is no {SERVERS}"))?;
    let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let paths = versions.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let newest = paths.filter(|path| path.join("bin/initdb").exists()).max_by_key(number);
    Ok(newest.with_context(|| format!("no server in {SERVERS}"))?.join("bin"))
}

/// A running server; stopped, and its data removed, when dropped.
struct Server {
    programs: PathBuf,
    dir: PathBuf,
    port: u16,
    /// The command that runs another one as a user whom the server accepts. Empty: this user is one.
    as_user: &'static [&'static str],
}

impl Server {
    fn start(beside: &Path) -> Result<Self> {
        let is_root = output_of(command("id", Path::new("/")).arg("-u")).is_some_and(|id| id == "0");
        // The server refuses to run as root. The package has made the user.
        let as_user: &[&str] = if is_root {
            &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        } else {
            &[]
        };
        // The other user must reach the folder, so it is not below this user's own.
        let dir = if is_root {
            std::env::temp_dir()
        } else {
            beside.to_path_buf()
        };
        let dir = dir.join(format!("mlforge-postgres-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        if is_root {
            run_quietly(command("chown", &dir).arg("postgres").arg(&dir))?;
        }
        let mut server = Self {
            programs: programs()?,
            dir,
            port: 0,
            as_user,
        };
        server.initialize()?;
        for start in 1..=STARTS_MAX {
            server.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            match server.start_on_port() {
                Err(error) if start == STARTS_MAX => return Err(error),
                Err(_) => {}
                Ok(()) => break,
            }
        }
        Ok(server)
    }

    fn initialize(&self) -> Result<()> {
        let mut initdb = self.program("initdb");
        initdb.arg("-D").arg(self.data());
        run_quietly(initdb.args(["-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8", "-N"]))
    }

    fn start_on_port(&self) -> Result<()> {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c shared_buffers=64MB -c max_connections=200",
            self.port,
            self.dir.display()
        );
        let mut start = self.program("pg_ctl");
        start.arg("-D").arg(self.data()).arg("-l").arg(self.dir.join("log"));
        // The server inherits its starter's output. A pipe of this program would never end.
        run_on_stderr(
            start
                .args(["-w", "-o", &options, "start"])
                .stdout(std::process::Stdio::null()),
        )
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        match self.as_user.split_first() {
            Some((first, rest)) => {
                let mut user = command(first, &self.dir);
                user.args(rest).arg(program);
                user
            }
            None => command(program, &self.dir),
        }
    }

    /// The address of the server, without a database.
    fn address(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server and its data are no longer needed.
        let mut stop = self.program("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]);
        _ = run_quietly(&mut stop);
        _ = fs::remove_dir_all(&self.dir);
    }
}
