//! Several projects, several callers in each, and the address at which they reach a server.

use std::sync::Arc;

use anyhow::Result;
use mlforge_bench::client::Target;
use mlforge_bench::dice::Dice;
use mlforge_bench::server::Launcher;
use tokio::task::JoinSet;

use crate::api::{Api, Way};
use crate::caller::{Caller, Progress};
use crate::shared::Shared;

/// Number of users of a project.
const USERS: usize = 2;
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

/// The projects, in the order in which they were made.
pub(crate) struct Projects(Vec<Project>);

struct Project {
    number: String,
    /// The access tokens, one for each user. The callers use them in turn.
    tokens: Vec<String>,
    callers: usize,
}

/// The address at which clients reach the projects.
#[derive(Clone)]
pub(crate) struct Door {
    /// Scheme, host and port.
    pub(crate) base: String,
    /// The way to the server.
    pub(crate) way: Way,
}

impl Door {
    fn api(&self, project: &Project, caller: usize) -> Result<Api> {
        let url = format!("{}/api/v4/projects/{}/ml/mlflow", self.base, project.number);
        let target = Target::parse(&url, project.tokens.get(caller % USERS).map(String::as_str))?;
        Ok(Api::new(target, self.way))
    }
}

impl Projects {
    /// Makes projects and callers.
    pub(crate) fn make(launcher: &Launcher, size: Size) -> Result<Self> {
        let projects = (0..size.projects).map(|number| make_project(launcher, number, size.callers));
        Ok(Self(projects.collect::<Result<_>>()?))
    }

    /// New callers, with this text in the names of their objects.
    pub(crate) async fn crowd(&self, door: &Door, name: &str, dice: &mut Dice) -> Result<Crowd> {
        let mut crowd = Crowd::default();
        for (index, project) in self.0.iter().enumerate() {
            let prefix = format!("{name}-{index}-");
            let mut api = door.api(project, 0)?;
            let shared = Arc::new(Shared::make(&mut api, &prefix).await?);
            for caller in 0..project.callers {
                let prefix = format!("{prefix}{caller}-");
                let api = door.api(project, caller)?;
                crowd
                    .callers
                    .push(Caller::new(api, prefix, Arc::clone(&shared), dice.fork()));
            }
            crowd.shared.push(shared);
        }
        Ok(crowd)
    }

    /// Finds out the outcomes of requests that were unanswered when the server was killed. Then checks some
    /// objects.
    pub(crate) async fn recover(&self, door: &Door, mut crowd: Crowd) -> Result<Crowd> {
        for shared in &crowd.shared {
            shared.settle();
        }
        let mut apis = Vec::new();
        for project in &self.0 {
            for caller in 0..project.callers {
                apis.push(door.api(project, caller)?);
            }
        }
        let callers = std::mem::take(&mut crowd.callers).into_iter().zip(apis);
        crowd.callers = all(callers.map(|(caller, api)| caller.recover(api))).await?;
        self.check_shared(door, &crowd).await?;
        crowd.callers = all(crowd.callers.into_iter().map(|caller| caller.check_some(LOOKS))).await?;
        Ok(crowd)
    }

    /// Checks all objects.
    pub(crate) async fn check(&self, door: &Door, mut crowd: Crowd) -> Result<Crowd> {
        self.check_shared(door, &crowd).await?;
        crowd.callers = all(crowd.callers.into_iter().map(Caller::check_all)).await?;
        Ok(crowd)
    }

    async fn check_shared(&self, door: &Door, crowd: &Crowd) -> Result<()> {
        for (project, shared) in self.0.iter().zip(&crowd.shared) {
            shared.check(&mut door.api(project, 0)?).await?;
        }
        Ok(())
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
    let token = |user| {
        let user = format!("u{number}-{user}");
        launcher.manage(&["user", "create", &user])?;
        launcher.manage(&["member", "set", &path, &user, "developer"])?;
        launcher.manage(&["token", "create", "--user", &user])
    };
    Ok(Project {
        number: id,
        tokens: (0..USERS).map(token).collect::<Result<_>>()?,
        callers,
    })
}
