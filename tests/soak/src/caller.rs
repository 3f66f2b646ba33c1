//! One caller at work. It sends requests one after the other, and compares each answer with the model.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use mlforge_bench::dice::Dice;
use tokio::sync::{Notify, watch};

use crate::actions;
use crate::api::{Api, Outcome, Reply, Trouble};
use crate::check;
use crate::expected::Expected;
use crate::shared::Shared;
use crate::step::{Draw, Piece, Step};

/// Maximum length of a body in a message, in bytes.
const BODY_SHOWN: usize = 4_000;

/// The progress of all callers, and the signal to stop.
#[derive(Default)]
pub(crate) struct Progress {
    /// Number of acknowledged changes.
    done: AtomicU64,
    /// Number of answers with a status 5xx.
    failed: AtomicU64,
    /// Number of objects that were read and compared.
    read: AtomicU64,
    /// True if answers with a status 5xx are expected.
    may_fail: AtomicBool,
    /// True if the server is about to be killed, so that connections break.
    may_break: AtomicBool,
    /// True if no caller may begin a new request.
    is_over: AtomicBool,
    /// Number of servers that were killed, or will be at once.
    killed: AtomicU64,
    /// Number of these of which nothing can happen any more in their database.
    gone: watch::Sender<u64>,
    moved: Notify,
}

/// The counters of `Progress`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// Number of acknowledged changes.
    pub(crate) done: u64,
    /// Number of answers with a status 5xx.
    pub(crate) failed: u64,
    /// Number of objects that were read and compared.
    pub(crate) read: u64,
}

impl Progress {
    /// The present values of the counters.
    pub(crate) fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Counts {
            done: load(&self.done),
            failed: load(&self.failed),
            read: load(&self.read),
        }
    }

    /// Waits until the counters are high enough.
    pub(crate) async fn reaches(&self, enough: impl Fn(Counts) -> bool) {
        while !enough(self.counts()) {
            self.moved.notified().await;
        }
    }

    /// Allows or forbids answers with a status 5xx from now on.
    pub(crate) fn may_fail(&self, may: bool) {
        self.may_fail.store(may, Ordering::SeqCst);
    }

    /// Allows connections to break from now on. A broken connection ends a caller's work.
    pub(crate) fn may_break(&self) {
        self.may_break.store(true, Ordering::SeqCst);
    }

    /// Ends the work of all callers after their current requests.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Records that a server behind the proxy is about to be killed.
    pub(crate) fn server_dies(&self) {
        self.killed.fetch_add(1, Ordering::SeqCst);
    }

    /// Records that nothing of the killed servers can happen any more.
    pub(crate) fn servers_are_gone(&self) {
        self.gone.send_replace(self.killed.load(Ordering::SeqCst));
    }

    /// Waits until nothing can happen any more of the servers that have died so far.
    async fn until_servers_are_gone(&self) {
        let killed = self.killed.load(Ordering::SeqCst);
        // The sender lives as long as this.
        _ = self.gone.subscribe().wait_for(|gone| *gone >= killed).await;
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::SeqCst);
        // One task waits. If none does, the next one that waits looks first.
        self.moved.notify_one();
    }
}

/// A caller and all objects that it made.
pub(crate) struct Caller {
    api: Api,
    expected: Expected,
    shared: Arc<Shared>,
    dice: Dice,
    /// The change that was not answered.
    pending: Option<Step>,
}

impl Caller {
    /// A caller who has made nothing yet.
    pub(crate) fn new(api: Api, prefix: String, shared: Arc<Shared>, dice: Dice) -> Self {
        Self {
            api,
            expected: Expected::new(prefix),
            shared,
            dice,
            pending: None,
        }
    }

    /// Sends requests until the progress is over. If connections may break, a broken one ends the work, too.
    pub(crate) async fn work(mut self, progress: Arc<Progress>) -> Result<Self> {
        while !progress.is_over.load(Ordering::SeqCst) {
            let kind = self.dice.below(10);
            let ended = match kind {
                0..3 => self.read(&progress).await,
                3..6 => self.change_shared(&progress).await,
                _ => self.change(&progress).await,
            };
            match ended {
                Ok(()) => {}
                Err(Trouble::Broken(_)) if progress.may_break.load(Ordering::SeqCst) => break,
                Err(trouble) => return Err(self.named(trouble)),
            }
        }
        Ok(self)
    }

    /// Reads and compares an object or a search.
    async fn read(&mut self, progress: &Progress) -> Result<(), Trouble> {
        if self.api.has_files() && self.dice.below(4) == 0 {
            self.shared.read_file(&mut self.api).await?;
        } else {
            check::anything(&mut self.api, &self.expected, &mut self.dice).await?;
        }
        progress.count(&progress.read);
        Ok(())
    }

    /// Changes an object of its own.
    async fn change(&mut self, progress: &Progress) -> Result<(), Trouble> {
        let step = actions::draw(&mut Draw {
            expected: &self.expected,
            target: &self.api.target,
            dice: &mut self.dice,
            with_files: self.api.has_files(),
        });
        let outcome = match self.api.try_send(step.call.clone()).await {
            Ok(outcome) => outcome,
            Err(trouble) => {
                self.pending = Some(step);
                return Err(trouble);
            }
        };
        match outcome {
            Outcome::Done(reply) => {
                if let Some(status) = step.refused {
                    return Err(anyhow!("{}: done, and must be refused with {status}", describe(&step)).into());
                }
                let what = describe(&step);
                (step.effect)(&mut self.expected, &reply).context(what)?;
                progress.count(&progress.done);
                Ok(())
            }
            Outcome::Refused(status, said) if step.refused != Some(status) => {
                Err(anyhow!("{said}, expected {:?}; sent {}", step.refused, describe(&step)).into())
            }
            Outcome::Refused(..) => Ok(()),
            Outcome::Failed(status, said) => {
                self.must_be_excused(progress, status, &said)?;
                if self.api.is_proxied() {
                    // A server that has lost its database does not know the outcome.
                    progress.count(&progress.failed);
                    self.pending = Some(step);
                    return Err(Trouble::Broken(said));
                }
                self.find_out(step).await?;
                progress.count(&progress.failed);
                Ok(())
            }
            Outcome::Lost => {
                progress.count(&progress.failed);
                progress.until_servers_are_gone().await;
                match step.refused {
                    Some(_) => Ok(()),
                    None => self.find_out(step).await,
                }
            }
        }
    }

    /// Changes an object that others change too.
    async fn change_shared(&mut self, progress: &Progress) -> Result<(), Trouble> {
        let with_files = self.api.has_files();
        let step = self.shared.draw(&self.api.target, &mut self.dice, with_files);
        let outcome = match self.api.try_send(step.call.clone()).await {
            Ok(outcome) => outcome,
            Err(trouble) => {
                self.shared.end(step, None)?;
                return Err(trouble);
            }
        };
        let counter = match &outcome {
            Outcome::Done(_) => Some(&progress.done),
            Outcome::Refused(..) => None,
            Outcome::Failed(status, said) => {
                self.must_be_excused(progress, *status, said)?;
                Some(&progress.failed)
            }
            Outcome::Lost => Some(&progress.failed),
        };
        let is_known = !(self.api.is_proxied() && matches!(outcome, Outcome::Failed(..)));
        let what = format!("{} {}", step.call.path, String::from_utf8_lossy(&step.call.body));
        self.shared.end(step, is_known.then_some(outcome)).context(what)?;
        if let Some(counter) = counter {
            progress.count(counter);
        }
        Ok(())
    }

    /// Fails unless this error is expected. A full disk is answered with 503 or 507, never with an internal
    /// error.
    fn must_be_excused(&self, progress: &Progress, status: u16, said: &str) -> Result<()> {
        if !progress.may_fail.load(Ordering::SeqCst) || !matches!(status, 503 | 507) {
            bail!("{said}");
        }
        Ok(())
    }

    /// Finds out if a change happened, and updates the model.
    async fn find_out(&mut self, step: Step) -> Result<(), Trouble> {
        let (what, piece) = (describe(&step), step.piece.clone());
        let is_done = match &piece {
            Piece::Repeatable => None,
            Piece::GivenUp => Some(Reply::default()),
            new if new.is_new() => {
                let made = check::find(&mut self.api, &self.expected, new).await?;
                made.map(|json| Reply {
                    json,
                    ..Reply::default()
                })
            }
            old => {
                let Err(trouble) = check::piece(&mut self.api, &self.expected, old).await else {
                    return Ok(());
                };
                // The object is as it was before, or at least not as expected.
                return self.must_be_done(step, trouble).await;
            }
        };
        let Some(reply) = is_done else { return Ok(()) };
        (step.effect)(&mut self.expected, &reply).context(what)?;
        check::piece(&mut self.api, &self.expected, &piece).await
    }

    /// Checks that a change of an existing object was made. Its state before does not match, so the change
    /// must be done.
    async fn must_be_done(&mut self, step: Step, undone: Trouble) -> Result<(), Trouble> {
        let Trouble::Wrong(undone) = undone else {
            return Err(undone);
        };
        let (what, piece) = (describe(&step), step.piece.clone());
        (step.effect)(&mut self.expected, &Reply::default())?;
        match check::piece(&mut self.api, &self.expected, &piece).await {
            Err(Trouble::Wrong(done)) => {
                Err(anyhow!("neither done nor undone: {what}\n  not undone: {undone:#}\n  not done: {done:#}").into())
            }
            other => other,
        }
    }

    /// Continues at a restarted server. Finds out the outcome of the change that was not answered.
    pub(crate) async fn recover(mut self, api: Api) -> Result<Self> {
        self.api = api;
        if let Some(step) = self.pending.take() {
            // A change that must be refused has no effect.
            if step.refused.is_none() {
                self.find_out(step).await.map_err(|trouble| self.named(trouble))?;
            }
        }
        Ok(self)
    }

    /// Checks some of the objects that it made.
    pub(crate) async fn check_some(mut self, times: usize) -> Result<Self> {
        for _ in 0..times {
            let checked = check::anything(&mut self.api, &self.expected, &mut self.dice).await;
            checked.map_err(|trouble| self.named(trouble))?;
        }
        Ok(self)
    }

    /// Checks all objects that it made.
    pub(crate) async fn check_all(mut self) -> Result<Self> {
        let checked = check::everything(&mut self.api, &self.expected, &mut self.dice).await;
        checked.map_err(|trouble| self.named(trouble))?;
        Ok(self)
    }

    fn named(&self, trouble: Trouble) -> anyhow::Error {
        anyhow::Error::from(trouble).context(format!("caller {}", self.expected.prefix))
    }
}

fn describe(step: &Step) -> String {
    let call = &step.call;
    let body = match std::str::from_utf8(&call.body) {
        Ok(text) if text.len() <= BODY_SHOWN => text.to_owned(),
        _ => format!("({} bytes)", call.body.len()),
    };
    format!("{} {} {body} ({:?})", call.method, call.path, step.piece)
}
