//! The tests of files in an S3-compatible store, against a real one: Garage, which is compiled once from crates.io, and
//! started with nothing in it, on free ports of this machine, for as long as the tests run. Some of them have their records in
//! PostgreSQL: those of real clients, and the load on several hosts.

use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mlforge_postgres::Cluster;

use crate::clients;
use crate::layout::Layout;
use crate::postgres;
use crate::soak;
use crate::step::{cargo, cargo_for_tests, command, run, run_watched, step};
use crate::suite::{Tally, build_all};

/// The version that is installed. A change makes it be compiled again.
const GARAGE: &str = "garage@2.5.0";
/// The least that serves S3 with data on disk.
const FEATURES: &str = "bundled-libs,sqlite";
/// Settings of its build: quick to compile, since it is used for a minute. Only the code that every byte passes is optimised.
const PROFILE: [&str; 11] = [
    "profile.release.opt-level=0",
    "profile.release.codegen-units=16",
    "profile.release.debug=false",
    "profile.release.lto='off'",
    "profile.release.package.blake2.opt-level=2",
    "profile.release.package.bytes.opt-level=2",
    "profile.release.package.crc-fast.opt-level=2",
    "profile.release.package.libsqlite3-sys.opt-level=1",
    "profile.release.package.md-5.opt-level=2",
    "profile.release.package.sha2.opt-level=2",
    "profile.release.package.zstd-sys.opt-level=1",
];
/// Words in the paths of all tests that need the server.
pub(crate) const NEED_IT: [&str; 2] = ["storage::s3::tests::garage::", "on_s3::"];
/// Time in which it must answer after its start.
const START_TIME: Duration = Duration::from_secs(60);
const BUCKET: &str = "mlforge-tests";
const REGION: &str = "garage";

/// The word for the load on several hosts.
const HOSTS: &str = "hosts";
/// The load on several hosts unless its arguments are given: kills only, and for a shorter time than without files.
const HOSTS_ARGUMENTS: [&str; 4] = ["--only", "hosts", "--minutes", "0.5"];
/// The tests of clients that run in this part: those of files, and some of everything else. The rest takes minutes:
/// `cargo xtask test clients -- --store postgres-s3`.
const CLIENT_TESTS: [&str; 4] = [
    "test_direct.py",
    "test_artifacts.py",
    "test_models.py",
    "test_parallel.py",
];

/// Makes the server if it is not there, and runs everything that needs it. After the word `hosts`, `rest` has the arguments of
/// the soak program, which runs alone.
pub(crate) fn run_tests(layout: &Layout, rest: &[String], tally: &mut Tally) -> Result<()> {
    postgres::install(&layout.root)?;
    let server = Server::of_tests(layout)?;
    match rest.split_first().map(|(first, args)| (first.as_str(), args)) {
        None => {}
        Some((HOSTS, args)) => {
            build_all(layout)?;
            return soak::run_hosts(layout, args, Some(&server), tally);
        }
        Some((other, _)) => bail!("there are no tests {other:?}: only `{HOSTS}`"),
    }
    let database = step("start of PostgreSQL", || {
        Cluster::start(&layout.target.join("postgres"))
    })?;
    step("cargo test of the storage on S3", || {
        let mut tests = cargo_for_tests(&layout.root, "test");
        tests.env("MLFORGE_TEST_POSTGRES", database.address());
        tests.args(["--lib", "--test", "s3", "--"]).args(NEED_IT);
        must_test(server.tells(&mut tests), tally)
    })?;
    step("hermetic tests with artifacts on S3", || {
        let mut tests = cargo_for_tests(&layout.root, "test");
        tests.env("MLFORGE_TEST_STORAGE", "s3");
        tests.args(["--test", "all", "--", "artifacts", "uploads"]);
        must_test(server.tells(&mut tests), tally)
    })?;
    build_all(layout)?;
    let clients = CLIENT_TESTS.map(str::to_owned);
    clients::run_on_store(layout, (&server, &database), &clients, tally)?;
    drop(database);
    soak::run_hosts(layout, &HOSTS_ARGUMENTS.map(str::to_owned), Some(&server), tally)
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

/// The program, compiled unless it was before.
pub(crate) fn installed(layout: &Layout) -> Result<PathBuf> {
    let dir = layout.target.join("garage");
    let program = dir.join("bin").join(format!("garage{}", env::consts::EXE_SUFFIX));
    let stamp = dir.join("made-from");
    let made_from = format!("{GARAGE} {FEATURES}");
    if program.exists() && fs::read_to_string(&stamp).ok().as_ref() == Some(&made_from) {
        return Ok(program);
    }
    step("cargo install garage", || install(layout, &dir))?;
    fs::write(&stamp, made_from)?;
    Ok(program)
}

fn install(layout: &Layout, dir: &Path) -> Result<()> {
    let build = dir.join("build");
    let mut install = cargo(&layout.root);
    install
        .args(["install", "--quiet", "--locked", "--force", "--no-default-features"])
        .args(["--features", FEATURES])
        .args(PROFILE.iter().flat_map(|set| ["--config", set]))
        .arg("--root")
        .arg(dir)
        .arg("--target-dir")
        .arg(&build)
        .arg(GARAGE);
    run(&mut install)?;
    // Several times the size of the program, and of no more use.
    fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))
}

/// A running server; stopped, and its data removed, when dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    dir: PathBuf,
}

impl Server {
    /// Starts a server for tests, which is compiled unless it was before.
    pub(crate) fn of_tests(layout: &Layout) -> Result<Self> {
        let program = installed(layout)?;
        step("start of Garage", || {
            Self::start(&program, &layout.target.join("garage"))
        })
    }

    fn start(program: &Path, beside: &Path) -> Result<Self> {
        let dir = beside.join(format!("run-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        let (address, peers) = (free_address()?, free_address()?);
        let config = dir.join("garage.toml");
        fs::write(&config, configuration(&dir, address, peers))?;
        let log = File::create(dir.join("log"))?;
        let child = command(program, &dir)
            .arg("--config")
            .arg(&config)
            .args(["server", "--single-node", "--default-bucket"])
            .env("GARAGE_DEFAULT_ACCESS_KEY", key_id())
            .env("GARAGE_DEFAULT_SECRET_KEY", secret())
            .env("GARAGE_DEFAULT_BUCKET", BUCKET)
            .env("RUST_LOG", "garage=info,warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self { child, address, dir };
        server.wait_for_answer()?;
        Ok(server)
    }

    fn wait_for_answer(&mut self) -> Result<()> {
        let started = Instant::now();
        while !answers(self.address) {
            let ended = self.child.try_wait()?;
            if ended.is_some() || started.elapsed() > START_TIME {
                let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                bail!("Garage does not answer at {}:\n{log}", self.address);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Tells a command where the server is, and its keys.
    pub(crate) fn tells<'a>(&self, tests: &'a mut Command) -> &'a mut Command {
        tests
            .env("AWS_ACCESS_KEY_ID", key_id())
            .env("AWS_SECRET_ACCESS_KEY", secret())
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .env("AWS_REGION", REGION)
            .env("MLFORGE_TEST_S3", Self::bucket())
    }

    /// The location of its only bucket.
    pub(crate) fn bucket() -> String {
        format!("s3://{BUCKET}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server and its data are no longer needed.
        _ = self.child.kill();
        _ = self.child.wait();
        _ = fs::remove_dir_all(&self.dir);
    }
}

/// An address of this machine that nobody uses now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn configuration(dir: &Path, s3: SocketAddr, peers: SocketAddr) -> String {
    let secret = secret();
    format!(
        "metadata_dir = {meta:?}\n\
         data_dir = {data:?}\n\
         db_engine = \"sqlite\"\n\
         replication_factor = 1\n\
         rpc_bind_addr = \"{peers}\"\n\
         rpc_public_addr = \"{peers}\"\n\
         rpc_secret = \"{secret}\"\n\
         [s3_api]\n\
         api_bind_addr = \"{s3}\"\n\
         s3_region = \"{REGION}\"\n",
        meta = dir.join("meta"),
        data = dir.join("data"),
    )
}

/// Of a server that this machine alone can reach, for the time of the tests.
fn key_id() -> String {
    format!("GK{}", "1".repeat(24))
}

fn secret() -> String {
    "2".repeat(64)
}

/// True if a server answers HTTP, whatever the answer.
fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    let asked = stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .and_then(|()| stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    let mut answer = [0; 5];
    asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer == *b"HTTP/"
}
