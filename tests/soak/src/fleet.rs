//! Several servers of one database behind a proxy, and projects whose callers use any of them.

use std::process::{self, Command};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use mlforge_bench::dice::Dice;
use mlforge_bench::server::{Launcher, Server, WorkDir};
use mlforge_postgres::{Cluster, free_port};
use tokio::task::spawn_blocking;

use crate::api::Way;
use crate::caller::Progress;
use crate::log::Log;
use crate::options::Options;
use crate::projects::{Crowd, Door, Projects, Size};
use crate::proxy::Proxy;

/// The database of the servers.
const DATABASE: &str = "mlforge";

/// The servers, their database, and what is in front of them.
pub(crate) struct Fleet {
    database: Arc<Cluster>,
    members: Vec<Member>,
    door: Door,
    projects: Projects,
    // Dropped before the directory, in which its files are.
    _proxy: Proxy,
    _work: WorkDir,
}

/// A server of the fleet. It has a role of its own in the database, by which its connections are known.
struct Member {
    launcher: Arc<Launcher>,
    log: Log,
    role: String,
    server: Option<Server>,
}

impl Fleet {
    /// Starts so many servers, and makes projects and callers. All of `clusters` may become the database; the first one is it.
    pub(crate) fn start(options: &Options, name: &str, clusters: &[&Arc<Cluster>], size: Size) -> Result<Self> {
        let first = clusters.first().context("no database")?;
        first.query("postgres", &format!("CREATE DATABASE {DATABASE} TEMPLATE template0"))?;
        let hosts: Vec<String> = clusters.iter().map(|it| format!("127.0.0.1:{}", it.port())).collect();
        let ports: Vec<u16> = (0..options.hosts).map(|_| free_port()).collect::<Result<_>>()?;
        let work = WorkDir::make(&options.dir, &format!("mlforge-soak-{name}-proxy"))?;
        let proxy = Proxy::start(work.path(), &ports)?;
        let files = options
            .files
            .as_ref()
            .map(|bucket| format!("{bucket}/{name}-{}", process::id()));
        let mut members: Vec<Member> = Vec::new();
        for (number, port) in ports.into_iter().enumerate() {
            let role = format!("host{number}");
            first.query("postgres", &format!("CREATE ROLE {role} SUPERUSER LOGIN"))?;
            let work = WorkDir::make(&options.dir, &format!("mlforge-soak-{name}-{number}"))?;
            let mut launcher = Launcher::new(&options.server, work, None)?;
            launcher.set_database(format!("postgres://{role}@{}/{DATABASE}", hosts.join(",")));
            launcher.set_port(port);
            launcher.set_files(files.clone());
            // Parts of uploads are sent there.
            launcher.set_external_url(proxy.base.clone());
            let mut member = Member::new(launcher, role);
            if let Some(compiled) = members.first() {
                member.copy_compiled(compiled)?;
            }
            member.start()?;
            members.push(member);
        }
        let projects = Projects::make(&members.first().context("no server")?.launcher, size)?;
        let door = Door {
            base: proxy.base.clone(),
            way: Way::Proxy {
                with_files: options.files.is_some(),
            },
        };
        Ok(Self {
            database: Arc::clone(first),
            members,
            door,
            projects,
            _proxy: proxy,
            _work: work,
        })
    }

    /// Number of servers.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Kills a server, and waits until nothing of it can happen any more: its connections to the database have ended.
    pub(crate) async fn kill(&mut self, index: usize, progress: &Progress) -> Result<()> {
        let member = self.members.get_mut(index).context("no such server")?;
        progress.server_dies();
        member.server.take().context("no server runs")?.kill()?;
        let (database, role) = (Arc::clone(&self.database), member.role.clone());
        spawn_blocking(move || {
            database.wait_while(&format!(
                "EXISTS (SELECT FROM pg_stat_activity WHERE usename = '{role}')"
            ))
        })
        .await??;
        progress.servers_are_gone();
        Ok(())
    }

    /// Starts a killed server again.
    pub(crate) async fn restart(&mut self, index: usize) -> Result<()> {
        let member = self.members.get_mut(index).context("no such server")?;
        let launcher = Arc::clone(&member.launcher);
        member.server = Some(spawn_blocking(move || launcher.start()).await??);
        Ok(())
    }

    /// Cuts all connections of a server to its database.
    pub(crate) async fn cut(&self, index: usize) -> Result<()> {
        let role = &self.members.get(index).context("no such server")?.role;
        let sql = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{role}'");
        let database = Arc::clone(&self.database);
        spawn_blocking(move || database.query("postgres", &sql)).await??;
        Ok(())
    }

    /// Restarts the database as after a crash.
    pub(crate) async fn restart_database(&self) -> Result<()> {
        let database = Arc::clone(&self.database);
        spawn_blocking(move || database.restart_at_once()).await?
    }

    /// Kills the database, and makes its standby the new one.
    pub(crate) async fn fail_over(&mut self, standby: Arc<Cluster>) -> Result<()> {
        let (former, new) = (Arc::clone(&self.database), Arc::clone(&standby));
        spawn_blocking(move || former.kill().and_then(|()| new.promote())).await??;
        self.database = standby;
        Ok(())
    }

    /// Kills all servers, starts them again, finds out the outcomes of all requests, and checks all objects.
    pub(crate) async fn settle(&mut self, crowd: Crowd, progress: &Progress) -> Result<()> {
        for index in 0..self.len() {
            self.kill(index, progress).await?;
        }
        for index in 0..self.len() {
            self.restart(index).await?;
        }
        let crowd = self.projects.recover(&self.door, crowd).await?;
        self.projects.check(&self.door, crowd).await?;
        self.members.iter().try_for_each(|member| member.log.check(false))
    }

    /// New callers, with this text in the names of their objects.
    pub(crate) async fn crowd(&self, name: &str, dice: &mut Dice) -> Result<Crowd> {
        self.projects.crowd(&self.door, name, dice).await
    }

    /// Stops all servers. They must exit successfully.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let mut servers = self.members.iter_mut().filter_map(|member| member.server.take());
        servers.try_for_each(|server| server.stop().map(drop))
    }

    /// Adds the details that are needed to find the reason of an error.
    pub(crate) fn explain(mut self, error: anyhow::Error) -> anyhow::Error {
        let mut said = format!("the database's log ends with:\n{}\n", self.database.end_of_log());
        for member in &mut self.members {
            let ended = member.server.as_mut().and_then(|server| server.ended().ok().flatten());
            said.push_str(&format!(
                "{}, ended: {ended:?}; its log ends with:\n{}\n",
                member.role,
                member.log.end()
            ));
        }
        error.context(said)
    }
}

impl Member {
    fn new(mut launcher: Launcher, role: String) -> Self {
        let log = Log(launcher.work_dir().join("log"));
        launcher.set_log(log.0.clone());
        Self {
            launcher: Arc::new(launcher),
            log,
            role,
            server: None,
        }
    }

    fn start(&mut self) -> Result<()> {
        let started = self.launcher.start();
        self.server = Some(started.with_context(|| format!("its log ends with:\n{}", self.log.end()))?);
        Ok(())
    }

    /// Copies the compiled component of another server, which would be the same.
    fn copy_compiled(&self, other: &Self) -> Result<()> {
        let (from, to) = (other.launcher.data_dir(), self.launcher.data_dir());
        std::fs::create_dir_all(&to)?;
        let status = Command::new("cp").arg("-r").arg(from.join("cache")).arg(&to).status()?;
        ensure!(status.success(), "cannot copy the compiled component");
        Ok(())
    }
}
