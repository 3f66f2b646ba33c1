//! One caller at work: requests one after the other, each answer compared with the model.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use mlforge_bench::client::Target;
use tokio::sync::Notify;

use crate::actions;
use crate::api::{Api, Outcome, Reply, Trouble};
use crate::check;
use crate::dice::Dice;
use crate::expected::Expected;
use crate::shared::Shared;
use crate::step::{Draw, Piece, Step};

/// The longest body that a message shows.
const BODY_SHOWN: usize = 4_000;

/// What all callers have done, and whether they go on.
#[derive(Default)]
pub(crate) struct Progress {
    /// Changes that were acknowledged.
    done: AtomicU64,
    /// Answers with one of the five hundreds.
    failed: AtomicU64,
    /// Things that were read and compared.
    read: AtomicU64,
    /// Such answers are nothing wrong.
    may_fail: AtomicBool,
    /// The server is about to be killed: connections break.
    may_break: AtomicBool,
    /// Nobody begins anything new.
    is_over: AtomicBool,
    moved: Notify,
}

/// What `Progress` counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// Changes that were acknowledged.
    pub(crate) done: u64,
    /// Answers with one of the five hundreds.
    pub(crate) failed: u64,
    /// Things that were read and compared.
    pub(crate) read: u64,
}

impl Progress {
    /// What was counted so far.
    pub(crate) fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Counts {
            done: load(&self.done),
            failed: load(&self.failed),
            read: load(&self.read),
        }
    }

    /// Waits until what was counted is enough.
    pub(crate) async fn reaches(&self, enough: impl Fn(Counts) -> bool) {
        while !enough(self.counts()) {
            self.moved.notified().await;
        }
    }

    /// Whether requests may be answered with one of the five hundreds from now on.
    pub(crate) fn may_fail(&self, may: bool) {
        self.may_fail.store(may, Ordering::SeqCst);
    }

    /// Connections may break from now on; that ends a caller's work.
    pub(crate) fn may_break(&self) {
        self.may_break.store(true, Ordering::SeqCst);
    }

    /// Lets callers end with what they are at.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::SeqCst);
        // One waits; if nobody does, the next who waits looks first.
        self.moved.notify_one();
    }
}

/// A caller and everything that it made.
pub(crate) struct Caller {
    api: Api,
    expected: Expected,
    shared: Arc<Shared>,
    dice: Dice,
    /// The change whose answer did not come.
    pending: Option<Step>,
}

impl Caller {
    /// A caller who has made nothing yet.
    pub(crate) fn new(target: Target, prefix: String, shared: Arc<Shared>, dice: Dice) -> Self {
        Self {
            api: Api::new(target),
            expected: Expected::new(prefix),
            shared,
            dice,
            pending: None,
        }
    }

    /// Sends requests until that is over or, where that may be, the connection breaks.
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

    /// Looks at something.
    async fn read(&mut self, progress: &Progress) -> Result<(), Trouble> {
        check::anything(&mut self.api, &self.expected, &mut self.dice).await?;
        progress.count(&progress.read);
        Ok(())
    }

    /// Changes something of its own.
    async fn change(&mut self, progress: &Progress) -> Result<(), Trouble> {
        let step = actions::draw(&mut Draw {
            expected: &self.expected,
            target: &self.api.target,
            dice: &mut self.dice,
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
                self.find_out(step).await?;
                progress.count(&progress.failed);
                Ok(())
            }
        }
    }

    /// Changes something that others change too.
    async fn change_shared(&mut self, progress: &Progress) -> Result<(), Trouble> {
        let step = self.shared.draw(&self.api.target, &mut self.dice);
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
        };
        let what = format!("{} {}", step.call.path, String::from_utf8_lossy(&step.call.body));
        self.shared.end(step, Some(outcome)).context(what)?;
        if let Some(counter) = counter {
            progress.count(counter);
        }
        Ok(())
    }

    /// A full disk is told as such: never as a mistake inside.
    fn must_be_excused(&self, progress: &Progress, status: u16, said: &str) -> Result<()> {
        if !progress.may_fail.load(Ordering::SeqCst) || !matches!(status, 503 | 507) {
            bail!("{said}");
        }
        Ok(())
    }

    /// Looks whether a change happened, and takes note of it.
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
                // As it was before, or at least not like this.
                return self.must_be_done(step, trouble).await;
            }
        };
        let Some(reply) = is_done else { return Ok(()) };
        (step.effect)(&mut self.expected, &reply).context(what)?;
        check::piece(&mut self.api, &self.expected, &piece).await
    }

    /// A change of what was there before: it is not undone, so it must be done.
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

    /// Goes on at a server that was started anew: finds out what became of the change without an answer.
    pub(crate) async fn recover(mut self, target: Target) -> Result<Self> {
        self.api = Api::new(target);
        if let Some(step) = self.pending.take() {
            // What must be refused does nothing.
            if step.refused.is_none() {
                self.find_out(step).await.map_err(|trouble| self.named(trouble))?;
            }
        }
        Ok(self)
    }

    /// Looks at a little of what it made.
    pub(crate) async fn check_some(mut self, times: usize) -> Result<Self> {
        for _ in 0..times {
            let checked = check::anything(&mut self.api, &self.expected, &mut self.dice).await;
            checked.map_err(|trouble| self.named(trouble))?;
        }
        Ok(self)
    }

    /// Looks at everything that it made.
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
