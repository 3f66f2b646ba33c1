//! A server with several projects and several callers in each.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use mlforge_bench::client::{Call, Client, Target};
use mlforge_bench::dice::Dice;
use mlforge_bench::server::{Launcher, Server, WorkDir};
use tokio::task::JoinSet;

use crate::api::Api;
use crate::caller::{Caller, Progress};
use crate::options::Options;
use crate::shared::Shared;

/// Maximum number of bytes of the server's log in an error.
const LOG_SHOWN: u64 = 4_000;
/// Number of objects that each caller checks after a crash, if the test continues.
const LOOKS: usize = 30;

/// The size of a test.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Number of projects.
    pub(crate) projects: usize,
    /// Number of callers in each project.
    pub(crate) callers: usize,
}

/// The data directory, its projects, and the server that runs on it.
pub(crate) struct Site {
    launcher: Launcher,
    log: PathBuf,
    server: Option<Server>,
    projects: Vec<Project>,
}

struct Project {
    number: String,
    /// The access tokens, one for each caller.
    tokens: Vec<String>,
}

impl Site {
    /// A launcher with an empty data directory. It may still be changed.
    pub(crate) fn launcher(options: &Options, name: &str) -> Result<Launcher> {
        let work = WorkDir::make(&options.dir, &format!("mlforge-soak-{name}"))?;
        Launcher::new(&options.server, work, None)
    }

    /// Starts the server for the first time, and makes projects and callers.
    pub(crate) fn start(mut launcher: Launcher, size: Size) -> Result<Self> {
        let log = launcher.work_dir().join("log");
        launcher.set_log(log.clone());
        let server = launcher.start()?;
        let projects = (0..size.projects).map(|number| make_project(&launcher, number, size.callers));
        let projects = projects.collect::<Result<_>>()?;
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
        self.log.clone_from(&log);
        self.launcher.set_log(log);
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

    fn target(&self, project: &Project, caller: usize) -> Result<Target> {
        let server = self.server.as_ref().context("no server runs")?;
        let (base, _) = server.url.split_once("/api/v4/").context("a strange tracking URI")?;
        let url = format!("{base}/api/v4/projects/{}/ml/mlflow", project.number);
        Target::parse(&url, project.tokens.get(caller).map(String::as_str))
    }

    /// New callers, with this text in the names of their objects.
    pub(crate) async fn crowd(&self, name: &str, dice: &mut Dice) -> Result<Crowd> {
        let mut crowd = Crowd::default();
        for (index, project) in self.projects.iter().enumerate() {
            let prefix = format!("{name}-{index}-");
            let mut api = Api::new(self.target(project, 0)?);
            let shared = Arc::new(Shared::make(&mut api, &prefix).await?);
            for caller in 0..project.tokens.len() {
                let target = self.target(project, caller)?;
                let caller = Caller::new(target, format!("{prefix}{caller}-"), Arc::clone(&shared), dice.fork());
                crowd.callers.push(caller);
            }
            crowd.shared.push(shared);
        }
        Ok(crowd)
    }

    /// Finds out the outcomes of requests that were unanswered when the server was killed. Then checks some
    /// objects.
    pub(crate) async fn recover(&self, mut crowd: Crowd) -> Result<Crowd> {
        for shared in &crowd.shared {
            shared.settle();
        }
        let mut targets = Vec::new();
        for project in &self.projects {
            for caller in 0..project.tokens.len() {
                targets.push(self.target(project, caller)?);
            }
        }
        let callers = std::mem::take(&mut crowd.callers).into_iter().zip(targets);
        crowd.callers = all(callers.map(|(caller, target)| caller.recover(target))).await?;
        self.check_shared(&crowd).await?;
        crowd.callers = all(crowd.callers.into_iter().map(|caller| caller.check_some(LOOKS))).await?;
        Ok(crowd)
    }

    /// Checks all objects.
    pub(crate) async fn check(&self, mut crowd: Crowd) -> Result<Crowd> {
        self.check_shared(&crowd).await?;
        crowd.callers = all(crowd.callers.into_iter().map(Caller::check_all)).await?;
        Ok(crowd)
    }

    async fn check_shared(&self, crowd: &Crowd) -> Result<()> {
        for (project, shared) in self.projects.iter().zip(&crowd.shared) {
            shared.check(&mut Api::new(self.target(project, 0)?)).await?;
        }
        Ok(())
    }

    /// Checks that no thread of the server panicked. If nothing failed, the log must hold no warnings either.
    /// The log is empty afterwards, since it grows by a line for each request.
    pub(crate) fn check_log(&self, all_is_well: bool) -> Result<()> {
        let Some(log) = self.open_log()? else { return Ok(()) };
        for line in BufReader::new(&log).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            let warns = [" WARN ", " ERROR "].iter().any(|level| line.contains(level));
            let is_fault = line.contains("panicked") || all_is_well && warns;
            ensure!(!is_fault, "the server logged: {line}");
        }
        // The server appends to the file.
        Ok(log.set_len(0)?)
    }

    /// Opens the server's log. `None`: it is not a regular file.
    fn open_log(&self) -> Result<Option<File>> {
        let is_file = fs::metadata(&self.log).is_ok_and(|log| log.is_file());
        let open = || File::options().read(true).write(true).open(&self.log);
        Ok(is_file.then(open).transpose()?)
    }

    /// The last lines of the log.
    fn end_of_log(&self) -> Result<String> {
        let mut end = Vec::new();
        if let Some(mut log) = self.open_log()? {
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(length.saturating_sub(LOG_SHOWN)))?;
            log.take(LOG_SHOWN).read_to_end(&mut end)?;
        }
        Ok(String::from_utf8_lossy(&end).into_owned())
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
            self.end_of_log().unwrap_or_default()
        ))
    }
}

/// Callers that work at the same time, and the shared objects of each project.
#[derive(Default)]
pub(crate) struct Crowd {
    callers: Vec<Caller>,
    shared: Vec<Arc<Shared>>,
}

impl Crowd {
    /// Lets all callers work until the progress is over.
    pub(crate) async fn work(mut self, progress: &Arc<Progress>) -> Result<Self> {
        let callers = self.callers.into_iter();
        self.callers = all(callers.map(|caller| caller.work(Arc::clone(progress)))).await?;
        Ok(self)
    }

    /// Number of callers.
    pub(crate) fn len(&self) -> usize {
        self.callers.len()
    }
}

/// Checks that the server answers a health request.
pub(crate) async fn must_live(client: &mut Client) -> Result<()> {
    let answer = client.send(Call::get("/-/health".to_owned())).await?;
    ensure!(answer.status == 200, "/-/health: {}", answer.brief());
    Ok(())
}

/// Runs the same work of all callers concurrently; the first error ends it. Their order is kept.
async fn all<F>(work: impl Iterator<Item = F>) -> Result<Vec<Caller>>
where
    F: Future<Output = Result<Caller>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for (index, work) in work.enumerate() {
        running.spawn(async move { work.await.map(|caller| (index, caller)) });
    }
    let mut done = Vec::new();
    while let Some(caller) = running.join_next().await {
        done.push(caller??);
    }
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, caller)| caller).collect())
}

fn make_project(launcher: &Launcher, number: usize, callers: usize) -> Result<Project> {
    let path = format!("soak/p{number}");
    let id = launcher.manage(&["project", "create", &path])?;
    let token = |caller| {
        let user = format!("u{number}-{caller}");
        launcher.manage(&["user", "create", &user])?;
        launcher.manage(&["member", "set", &path, &user, "developer"])?;
        launcher.manage(&["token", "create", "--user", &user])
    };
    Ok(Project {
        number: id,
        tokens: (0..callers).map(token).collect::<Result<_>>()?,
    })
}
