//! A server with several projects, and several callers in each.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use mlforge_bench::client::{Call, Client, Target};
use mlforge_bench::server::{Launcher, Server, WorkDir};
use tokio::task::JoinSet;

use crate::api::Api;
use crate::caller::{Caller, Progress};
use crate::dice::Dice;
use crate::options::Options;
use crate::shared::Shared;

/// How many bytes of the server's log is shown when something is wrong.
const LOG_SHOWN: u64 = 4_000;
/// Things that each caller looks at after a crash, when there is more to come.
const LOOKS: usize = 30;

/// How many there are.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Projects.
    pub(crate) projects: usize,
    /// Callers in each.
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
    /// One for each caller.
    tokens: Vec<String>,
}

impl Site {
    /// An empty data directory, and a launcher that may still be changed.
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

    /// Where the server keeps everything.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.launcher.data_dir()
    }

    /// The directory around it, for other files.
    pub(crate) fn work_dir(&self) -> &Path {
        self.launcher.work_dir()
    }

    /// Kills the server, which must not have ended by itself.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.server.take().context("no server runs")?.kill()
    }

    /// Where the server logs to after its next start.
    pub(crate) fn log_to(&mut self, log: PathBuf) {
        self.log.clone_from(&log);
        self.launcher.set_log(log);
    }

    /// Starts the server again.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.server = Some(self.launcher.start()?);
        Ok(())
    }

    /// Tells the server to stop, which must end well.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.server.take().context("no server runs")?.stop()?;
        Ok(())
    }

    /// The server must run.
    pub(crate) fn must_run(&mut self) -> Result<()> {
        let ended = self.server.as_mut().context("no server runs")?.ended()?;
        ensure!(ended.is_none(), "the server ended by itself: {ended:?}");
        Ok(())
    }

    /// A connection of somebody without a token.
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

    /// Callers who have made nothing yet, whose things have this in their names.
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

    /// What became of what was under way when the server was killed; then a look at some things.
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

    /// Looks at everything.
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

    /// No thread of the server panicked, and where nothing failed, no line of its log warns of anything. The log is empty
    /// afterwards: it grows by a line for each request.
    pub(crate) fn check_log(&self, all_is_well: bool) -> Result<()> {
        let Some(log) = self.open_log()? else { return Ok(()) };
        for line in BufReader::new(&log).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            let warns = [" WARN ", " ERROR "].iter().any(|level| line.contains(level));
            let is_fault = line.contains("panicked") || all_is_well && warns;
            ensure!(!is_fault, "the server logged: {line}");
        }
        // The server appends to it.
        Ok(log.set_len(0)?)
    }

    /// The server's log, unless it goes where nothing is kept.
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

    /// An error with what is needed to find its reason. Everything stays where it is.
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

/// Callers who work at the same time, and what those of each project share.
#[derive(Default)]
pub(crate) struct Crowd {
    callers: Vec<Caller>,
    shared: Vec<Arc<Shared>>,
}

impl Crowd {
    /// Lets all work until that is over.
    pub(crate) async fn work(mut self, progress: &Arc<Progress>) -> Result<Self> {
        let callers = self.callers.into_iter();
        self.callers = all(callers.map(|caller| caller.work(Arc::clone(progress)))).await?;
        Ok(self)
    }

    /// How many callers there are.
    pub(crate) fn len(&self) -> usize {
        self.callers.len()
    }
}

/// The server answers that it lives.
pub(crate) async fn must_live(client: &mut Client) -> Result<()> {
    let answer = client.send(Call::get("/-/health".to_owned())).await?;
    ensure!(answer.status == 200, "/-/health: {}", answer.brief());
    Ok(())
}

/// Lets all do the same at the same time; the first error ends it. They keep their order.
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
