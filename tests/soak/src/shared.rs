//! Objects that all callers of a project change concurrently. The answer to a single request cannot be
//! predicted, but only certain values may be read afterwards.

mod aliases;
mod file;
mod model;
mod names;
mod run;
mod stage;
mod versions;

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use mlforge_bench::client::{Call, Target};
use mlforge_bench::dice::Dice;
use serde_json::json;

use self::file::SharedFile;
use self::model::SharedModel;
use self::names::Names;
use self::run::SharedRun;
use self::stage::StagedRun;
use crate::api::{self, Api, Outcome, Reply, text};
use crate::events::{Fate, Moment};

/// The shared objects of a project.
pub(crate) struct Shared(Mutex<Things>);

/// The shared objects, one field for each kind.
struct Things {
    now: Moment,
    names: Names,
    run: SharedRun,
    staged: StagedRun,
    file: SharedFile,
    model: SharedModel,
}

/// A request about a shared object.
pub(crate) struct SharedStep {
    /// The request.
    pub(crate) call: Call,
    /// Records the end of the request. Fails if it may not end so.
    end: End,
}

type End = Box<dyn FnOnce(&mut Things, &Ended) -> Result<()> + Send>;

/// The end of a request.
struct Ended {
    fate: Fate,
    now: Moment,
    /// The answer; empty unless the request succeeded.
    reply: Reply,
    /// The answer as text, for messages.
    said: String,
}

/// The state from which a request is drawn.
struct Draw<'a> {
    target: &'a Target,
    dice: &'a mut Dice,
    now: Moment,
}

impl Shared {
    /// Makes the shared objects, with this prefix in their names.
    pub(crate) async fn make(api: &mut Api, prefix: &str) -> api::Result<Self> {
        let call = api
            .target
            .post("experiments/create", &json!({"name": format!("{prefix}shared")}));
        let made = api.ask(call).await?;
        let experiment = text(&made, "/experiment_id")?;
        let things = Things {
            now: 1,
            names: Names::new(format!("{prefix}race")),
            run: SharedRun::new(make_run(api, experiment).await?),
            staged: StagedRun::new(make_run(api, experiment).await?),
            file: SharedFile::new(experiment, &make_run(api, experiment).await?),
            model: SharedModel::make(api, format!("{prefix}shared"), experiment).await?,
        };
        Ok(Self(Mutex::new(things)))
    }

    /// Draws a request, which begins now.
    pub(crate) fn draw(&self, target: &Target, dice: &mut Dice, with_files: bool) -> SharedStep {
        let mut things = self.lock();
        let now = things.tick();
        let kind = dice.below(if with_files { 13 } else { 10 });
        let mut draw = Draw { target, dice, now };
        match kind {
            0 => things.names.draw(&mut draw),
            1..4 => things.run.draw(&mut draw),
            4..6 => things.staged.draw(&mut draw),
            10.. => things.file.draw(&mut draw),
            _ => things.model.draw(&mut draw),
        }
    }

    /// Records the end of a request. Without an outcome its connection broke.
    pub(crate) fn end(&self, step: SharedStep, outcome: Option<Outcome>) -> Result<()> {
        let mut things = self.lock();
        let now = things.tick();
        let (fate, reply, said) = match outcome {
            Some(Outcome::Done(reply)) => (Fate::Done, reply, "200".to_owned()),
            Some(Outcome::Refused(_, said)) => (Fate::Refused, Reply::default(), said),
            Some(Outcome::Failed(_, said)) => (Fate::Unknown, Reply::default(), said),
            // The request may still happen. The server is known to have stopped only at a later moment.
            None | Some(Outcome::Lost) => return Ok(()),
        };
        (step.end)(&mut things, &Ended { fate, now, reply, said })
    }

    /// Records that the server has stopped: unanswered requests will not happen any more.
    pub(crate) fn settle(&self) {
        let mut things = self.lock();
        let now = things.tick();
        things.names.settle(now);
        things.run.settle(now);
        things.staged.settle(now);
        things.file.settle(now);
        things.model.settle(now);
    }

    /// Reads the shared file while others change it.
    pub(crate) async fn read_file(&self, api: &mut Api) -> api::Result<()> {
        let (begin, call) = {
            let mut things = self.lock();
            (things.tick(), things.file.download(&api.target))
        };
        let answer = api.read(call).await?;
        let mut things = self.lock();
        let end = things.tick();
        Ok(things.file.is_possible(&answer, begin, end)?)
    }

    /// Checks all objects, while nobody changes them.
    pub(crate) async fn check(&self, api: &mut Api) -> api::Result<()> {
        let (now, names, run, staged, mut model) = {
            let mut things = self.lock();
            let now = things.tick();
            let things = &*things;
            (
                now,
                things.names.clone(),
                things.run.clone(),
                things.staged.clone(),
                things.model.clone(),
            )
        };
        names.check(api).await?;
        run.check(api, now).await?;
        staged.check(api, now).await?;
        if api.has_files() {
            self.read_file(api).await?;
            let file = self.lock().file.clone();
            file.check_list(api).await?;
        }
        model.check(api, now).await?;
        self.lock().model = model;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Things> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Things {
    /// The next moment.
    fn tick(&mut self) -> Moment {
        self.now += 1;
        self.now
    }
}

impl SharedStep {
    fn new(call: Call, end: impl FnOnce(&mut Things, &Ended) -> Result<()> + Send + 'static) -> Self {
        Self {
            call,
            end: Box::new(end),
        }
    }
}

/// Makes a run that all callers share; returns its id.
async fn make_run(api: &mut Api, experiment: &str) -> api::Result<String> {
    let call = api
        .target
        .post("runs/create", &json!({"experiment_id": experiment, "start_time": 1}));
    let made = api.ask(call).await?;
    Ok(text(&made, "/run/info/run_id")?.to_owned())
}
