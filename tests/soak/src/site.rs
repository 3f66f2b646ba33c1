//! A server with several projects and several callers in each.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mlforge_bench::client::{Call, Client, Target};
use mlforge_bench::dice::Dice;
use mlforge_bench::server::{Launcher, Server, WorkDir};

use crate::api::Way;
use crate::log::Log;
use crate::options::Options;
use crate::projects::{Crowd, Door, Projects, Size};

/// The data directory, its projects, and the server that runs on it.
pub(crate) struct Site {
    launcher: Launcher,
    log: Log,
    server: Option<Server>,
    projects: Projects,
}

impl Site {
    /// A launcher with an empty data directory. It may still be changed.
    pub(crate) fn launcher(options: &Options, name: &str) -> Result<Launcher> {
        let work = WorkDir::make(&options.dir, &format!("mlforge-soak-{name}"))?;
        Launcher::new(&options.server, work, None)
    }

    /// Starts the server for the first time, and makes projects and callers.
    pub(crate) fn start(mut launcher: Launcher, size: Size) -> Result<Self> {
        let log = Log(launcher.work_dir().join("log"));
        launcher.set_log(log.0.clone());
        let server = launcher.start()?;
        let projects = Projects::make(&launcher, size)?;
        Ok(Self {
            launcher,
            log,
            server: Some(server),
            projects,
        })
    }

    /// The process id of the server.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.server.as_ref().map(Server::pid).context("no server runs")
    }

    /// The server's data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.launcher.data_dir()
    }

    /// The parent of the data directory, for other files.
    pub(crate) fn work_dir(&self) -> &Path {
        self.launcher.work_dir()
    }

    /// Kills the server. Fails if it had ended by itself.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.server.take().context("no server runs")?.kill()
    }

    /// Sets the file of the server's log after its next start.
    pub(crate) fn log_to(&mut self, log: PathBuf) {
        self.launcher.set_log(log.clone());
        self.log = Log(log);
    }

    /// Starts the server again.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.server = Some(self.launcher.start()?);
        Ok(())
    }

    /// Stops the server. It must exit successfully.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.server.take().context("no server runs")?.stop()?;
        Ok(())
    }

    /// Checks that the server runs.
    pub(crate) fn must_run(&mut self) -> Result<()> {
        let ended = self.server.as_mut().context("no server runs")?.ended()?;
        ensure!(ended.is_none(), "the server ended by itself: {ended:?}");
        Ok(())
    }

    /// A connection of a client without a token.
    pub(crate) async fn stranger(&self) -> Result<Client> {
        let server = self.server.as_ref().context("no server runs")?;
        Client::connect(&Target::parse(&server.url, None)?).await
    }

    fn door(&self) -> Result<Door> {
        let server = self.server.as_ref().context("no server runs")?;
        let (base, _) = server.url.split_once("/api/v4/").context("a strange tracking URI")?;
        Ok(Door {
            base: base.to_owned(),
            way: Way::Straight,
        })
    }

    /// New callers, with this text in the names of their objects.
    pub(crate) async fn crowd(&self, name: &str, dice: &mut Dice) -> Result<Crowd> {
        self.projects.crowd(&self.door()?, name, dice).await
    }

    /// Finds out the outcomes of requests that were unanswered when the server was killed. Then checks some
    /// objects.
    pub(crate) async fn recover(&self, crowd: Crowd) -> Result<Crowd> {
        self.projects.recover(&self.door()?, crowd).await
    }

    /// Checks all objects.
    pub(crate) async fn check(&self, crowd: Crowd) -> Result<Crowd> {
        self.projects.check(&self.door()?, crowd).await
    }

    /// Checks the server's log, and empties it.
    pub(crate) fn check_log(&self, all_is_well: bool) -> Result<()> {
        self.log.check(all_is_well)
    }

    /// Adds the details that are needed to find the reason of an error. All files are kept.
    pub(crate) fn explain(mut self, error: anyhow::Error) -> anyhow::Error {
        self.launcher.keep();
        let error = match self.must_run() {
            Err(ended) if self.server.is_some() => error.context(format!("{ended:#}")),
            _ => error,
        };
        error.context(format!(
            "everything is kept in {}; the server's log ends with:\n{}\n",
            self.launcher.work_dir().display(),
            self.log.end()
        ))
    }
}

/// Checks that the server answers a health request.
pub(crate) async fn must_live(client: &mut Client) -> Result<()> {
    let answer = client.send(Call::get("/-/health".to_owned())).await?;
    ensure!(answer.status == 200, "/-/health: {}", answer.brief());
    Ok(())
}
