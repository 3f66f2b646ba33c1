//! Debian's PostgreSQL for tests and the benchmark: clusters on free ports of this machine, for as long as a program runs.
//!
//! It must not know mlforge.

mod certificates;
mod ports;
mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

pub use crate::ports::free_port;
use crate::programs::Programs;
pub use crate::programs::{SERVERS, is_installed};

/// Number of starts, each on another port, since a free port may be taken before the server has it.
const STARTS_MAX: usize = 3;
/// The name of a standby among the connections of its primary.
const STANDBY: &str = "standby";
/// The longest wait for a standby, or for the end of connections.
const WAIT_MAX_S: u32 = 60;

/// A running cluster; stopped, and its data removed, when dropped.
///
/// It syncs as PostgreSQL does by default. It takes connections with TLS too, with a certificate of an authority of its own.
pub struct Cluster {
    programs: Programs,
    dir: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes and starts a cluster with nothing in it. Its data is below `beside`, unless this user is root: then the server runs
    /// as the user that the package has made, who must reach its data.
    pub fn start(beside: &Path) -> Result<Self> {
        let mut cluster = Self::at(beside)?;
        let mut initdb = cluster.programs.command("initdb", &cluster.dir);
        initdb.arg("-D").arg(cluster.data());
        programs::run(initdb.args(["-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8", "-N"]))?;
        certificates::make(&cluster.programs, &cluster.dir)?;
        cluster.start_on_a_port()?;
        Ok(cluster)
    }

    /// Makes and starts a standby, which this cluster waits for at each commit from now on.
    pub fn standby(&self, beside: &Path) -> Result<Self> {
        let mut standby = Self::at(beside)?;
        let mut copy = standby.programs.command("pg_basebackup", &standby.dir);
        copy.arg("-D")
            .arg(standby.data())
            .args(["-R", "-X", "stream", "-c", "fast"]);
        let from = format!(
            "host=127.0.0.1 port={} user=postgres application_name={STANDBY}",
            self.port
        );
        programs::run(copy.args(["-d", &from]))?;
        standby.start_on_a_port()?;
        self.query(
            "postgres",
            &format!("ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'"),
        )?;
        self.query("postgres", "SELECT pg_reload_conf()")?;
        self.wait_while("NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")?;
        Ok(standby)
    }

    /// Makes a standby the primary, and returns once it takes writes.
    pub fn promote(&self) -> Result<()> {
        programs::run(self.control().args(["-w", "promote"]))
    }

    /// Ends all connections, as a crash does, and starts again.
    pub fn restart_at_once(&self) -> Result<()> {
        programs::run_without_output(self.control().args(["-m", "immediate", "-w", "restart"]))
    }

    /// Kills all processes of the server at once.
    pub fn kill(&self) -> Result<()> {
        programs::kill(&self.pids()?)
    }

    /// Runs one statement, and returns the values of its rows, a row a line.
    pub fn query(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.programs.command("psql", &self.dir);
        psql.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        programs::output(psql.args(["-d", &format!("{}/{database}", self.address())]))
    }

    /// Waits until a condition does not hold any more.
    pub fn wait_while(&self, condition: &str) -> Result<()> {
        let sql = format!(
            "DO $$ BEGIN
                FOR i IN 1 .. {WAIT_MAX_S} * 100 LOOP
                    IF NOT ({condition}) THEN RETURN; END IF;
                    PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
                END LOOP;
                RAISE EXCEPTION 'the wait was too long';
            END $$"
        );
        self.query("postgres", &sql).map(drop)
    }

    /// The address of the server, without a database.
    pub fn address(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port)
    }

    /// The port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that has signed the server's.
    pub fn authority(&self) -> PathBuf {
        self.dir.join(certificates::AUTHORITY)
    }

    /// The certificate of another authority, which has signed nothing.
    pub fn other_authority(&self) -> PathBuf {
        self.dir.join(certificates::OTHER_AUTHORITY)
    }

    /// The processes of the server: the first one is the parent of all others.
    pub fn pids(&self) -> Result<Vec<u32>> {
        let file = self.data().join("postmaster.pid");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let first: u32 = text.lines().next().unwrap_or_default().trim().parse()?;
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children"))?;
        let children = children.split_whitespace().map(str::parse);
        Ok(std::iter::once(Ok(first)).chain(children).collect::<Result<_, _>>()?)
    }

    /// A cluster without data.
    fn at(beside: &Path) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let programs = Programs::find()?;
        let name = format!(
            "mlforge-postgres-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = if programs.are_of_another_user() {
            std::env::temp_dir().join(name)
        } else {
            beside.join(name)
        };
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        programs.give_away(&dir)?;
        Ok(Self { programs, dir, port: 0 })
    }

    fn start_on_a_port(&mut self) -> Result<()> {
        for start in 1..=STARTS_MAX {
            self.port = free_port()?;
            let options = format!(
                "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c ssl=on -c shared_buffers=64MB \
                 -c max_connections=200",
                self.port,
                self.dir.display()
            );
            match programs::run_without_output(self.control().args(["-w", "-o", &options, "start"])) {
                Err(error) if start == STARTS_MAX => return Err(error.context(self.end_of_log())),
                Err(_) => {}
                Ok(()) => break,
            }
        }
        ensure!(self.port > 0, "the server has no port");
        Ok(())
    }

    fn control(&self) -> std::process::Command {
        let mut control = self.programs.command("pg_ctl", &self.dir);
        control.arg("-D").arg(self.data()).arg("-l").arg(self.dir.join("log"));
        control
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// The last lines of the server's log.
    pub fn end_of_log(&self) -> String {
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The server and its data are no longer needed. After `kill` there is nothing to stop.
        _ = programs::run_without_output(self.control().args(["-m", "immediate", "stop"]));
        _ = fs::remove_dir_all(&self.dir);
    }
}
