//! The cache around a forge: a training script sends a request for each metric, and must not cost the forge one each.
//!
//! - A decision that permits reading is kept for 60 s at most, and any other for 5 s. A failure is kept for 1 s, or as long as
//!   the forge asks.
//! - A key is a hash of credential and project. One call a key is in flight, and others with that key wait for it.
//! - The number of entries is bounded. Webhooks remove entries, also those that reach another host of the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use quick_cache::sync::{Cache, EntryAction, EntryResult};
use sha2::{Digest as _, Sha256};

use super::calls::{ForgeCall, ForgeCalls};
use super::{
    Access, Actor, Credential, Decision, Event, Forge, ForgeError, Project, ProjectPage, ProjectRef, Role, Scope,
    Visibility,
};
use crate::storage::postgres::SharedState;
use crate::storage::sql::SqlError;

/// How long a decision is kept that permits reading.
pub(crate) const ALLOWED_TTL_MAX: Duration = Duration::from_secs(60);
/// How long any other decision is kept.
pub(crate) const REFUSED_TTL_MAX: Duration = Duration::from_secs(5);
/// How long a failure is kept, unless the forge asks for more.
const FAILED_TTL: Duration = Duration::from_secs(1);
/// Maximum number of entries. With paths and names of usual length they take about 8 MB.
const ENTRIES_MAX: usize = 10_000;
/// Maximum number of pages of projects. With paths of usual length they take about 10 MB.
const PAGES_MAX: usize = 500;

/// A forge with a cache of its decisions.
pub(crate) struct CachedForge {
    forge: Arc<dyn Forge>,
    /// Maximum time of a call.
    timeout: Duration,
    clock: Clock,
    entries: Cache<Key, Arc<Entry>>,
    pages: Cache<Key, Arc<Listed>>,
    calls: ForgeCalls,
    /// The channel to other hosts. `None`: there are none.
    shared: Option<Arc<SharedState>>,
    /// Number of events so far. A decision that was asked for before an event is not kept after it.
    events: AtomicU64,
}

type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
type Key = [u8; 32];
type Answer = Result<Decision, ForgeError>;

/// A page of projects.
struct Listed {
    page: Option<ProjectPage>,
    asked: SystemTime,
}

/// An answer of the forge.
struct Entry {
    answer: Answer,
    asked: SystemTime,
    ttl: Duration,
}

impl CachedForge {
    pub(crate) fn new(forge: Arc<dyn Forge>, timeout: Duration, clock: Clock) -> Self {
        Self {
            forge,
            timeout,
            clock,
            entries: Cache::new(ENTRIES_MAX),
            pages: Cache::new(PAGES_MAX),
            calls: ForgeCalls::default(),
            shared: None,
            events: AtomicU64::new(0),
        }
    }

    /// Makes events of other hosts remove entries too.
    pub(crate) fn shared_by(self, shared: Option<Arc<SharedState>>) -> Self {
        Self { shared, ..self }
    }

    /// The forge itself, for everything but decisions.
    pub(crate) fn forge(&self) -> &dyn Forge {
        &*self.forge
    }

    /// The counts of calls. Callers of [`forge`](Self::forge) count theirs too.
    pub(crate) fn calls(&self) -> &ForgeCalls {
        &self.calls
    }

    /// Asks as [`Forge::resolve`] does, unless there is an answer that is at most `age_max` old.
    pub(crate) async fn resolve(&self, project: &ProjectRef, credential: &Credential, age_max: Duration) -> Answer {
        if !self.forge.is_cached() {
            return self.ask(project, credential).await;
        }
        self.forget_what_others_changed().await;
        let (key, now) = (key(project, credential), (self.clock)());
        if let Some(entry) = self.entries.get(&key).filter(|entry| entry.is_fresh(now, age_max)) {
            self.calls.cache_hits.increment();
            return entry.answer.clone();
        }
        let reuse = |_: &Key, entry: &mut Arc<Entry>| {
            if entry.is_fresh((self.clock)(), age_max) {
                EntryAction::Retain(entry.answer.clone())
            } else {
                EntryAction::ReplaceWithGuard
            }
        };
        // Waits for a call that is in flight. If that is given up, the next in line makes one.
        let guard = match self.entries.entry_async(&key, reuse).await {
            EntryResult::Retained(answer) => {
                self.calls.cache_hits.increment();
                return answer;
            }
            EntryResult::Vacant(guard) | EntryResult::Replaced(guard, _) => guard,
            // Neither comes, since `reuse` removes nothing and the wait has no limit of its own.
            EntryResult::Removed(..) | EntryResult::Timeout => return self.ask(project, credential).await,
        };
        self.calls.cache_misses.increment();
        let (events, asked) = (self.events.load(Ordering::SeqCst), (self.clock)());
        let answer = self.ask(project, credential).await;
        let is_outdated = self.events.load(Ordering::SeqCst) != events;
        let ttl = if is_outdated { Duration::ZERO } else { ttl(&answer) };
        let entry = Arc::new(Entry {
            answer: answer.clone(),
            asked,
            ttl,
        });
        // It fails only if the key was inserted or removed meanwhile, and then nothing is kept.
        _ = guard.insert(entry);
        answer
    }

    /// Lists as [`Forge::projects`] does, unless there is a page that is at most a minute old.
    pub(crate) async fn projects(
        &self,
        credential: &Credential,
        after: &str,
    ) -> Result<Option<ProjectPage>, ForgeError> {
        let asked = || {
            let listed = self.forge.projects(credential, after);
            self.calls
                .bounded(ForgeCall::Projects, self.timeout, listed, Option::is_none)
        };
        if !self.forge.is_cached() {
            return asked().await;
        }
        self.forget_what_others_changed().await;
        let (key, now) = (key(&ProjectRef::Path(after.to_owned()), credential), (self.clock)());
        let is_fresh = |listed: &Arc<Listed>| {
            let age = now.duration_since(listed.asked);
            age.is_ok_and(|age| age < ALLOWED_TTL_MAX)
        };
        if let Some(listed) = self.pages.get(&key).filter(is_fresh) {
            return Ok(listed.page.clone());
        }
        let events = self.events.load(Ordering::SeqCst);
        let page = asked().await?;
        if self.events.load(Ordering::SeqCst) == events {
            let listed = Listed {
                page: page.clone(),
                asked: now,
            };
            self.pages.insert(key, Arc::new(listed));
        }
        Ok(page)
    }

    /// Forgets the decisions that an event may have changed, and all pages of projects.
    pub(crate) fn forget(&self, event: &Event) {
        self.events.fetch_add(1, Ordering::SeqCst);
        self.pages.clear();
        self.entries.retain(|_, entry| !entry.may_change_by(event));
    }

    /// Forgets everything if another host has told of an event.
    async fn forget_what_others_changed(&self) {
        if let Some(shared) = &self.shared
            && shared.have_decisions_changed().await
        {
            self.events.fetch_add(1, Ordering::SeqCst);
            self.pages.clear();
            self.entries.clear();
        }
    }

    /// Tells the other hosts of an event, of which they forget all decisions.
    pub(crate) async fn tell_others(&self) -> Result<(), SqlError> {
        match &self.shared {
            Some(shared) => shared.tell_decisions_changed().await,
            None => Ok(()),
        }
    }

    async fn ask(&self, project: &ProjectRef, credential: &Credential) -> Answer {
        let decided = async {
            let decision = match credential {
                Credential::Anonymous => of_public(self.forge.public_project(project).await?),
                credential => self.forge.resolve(project, credential).await?,
            };
            refuse_large_number(decision)
        };
        let is_refusal = |decision: &Decision| !matches!(decision, Decision::Known(_));
        self.calls
            .bounded(ForgeCall::Resolve, self.timeout, decided, is_refusal)
            .await
    }
}

/// Refuses a project whose number is no number of a project. Storage keeps the data of the host itself under those numbers.
fn refuse_large_number(decision: Decision) -> Result<Decision, ForgeError> {
    match &decision {
        Decision::Known(access) => match &access.project {
            Some((project, _)) if i64::try_from(project.id.0).is_err() => {
                Err(ForgeError::new(format!("it numbers a project {}", project.id.0)))
            }
            _ => Ok(decision),
        },
        _ => Ok(decision),
    }
}

/// The decision about somebody who is not signed in. Whatever a forge says, only a public project may be read.
fn of_public(project: Option<Project>) -> Decision {
    match project.filter(|project| project.visibility == Visibility::Public) {
        Some(project) => Access::new(Actor::default(), Scope::ReadApi, Some((project, Role::Guest))).into(),
        None => Decision::Unauthenticated,
    }
}

impl Entry {
    /// False too if the clock was set back meanwhile.
    fn is_fresh(&self, now: SystemTime, age_max: Duration) -> bool {
        let age = now.duration_since(self.asked);
        age.is_ok_and(|age| age < self.ttl.min(age_max))
    }

    fn may_change_by(&self, event: &Event) -> bool {
        // A project that is hidden now may be the one that changed.
        let Ok(Decision::Known(access)) = &self.answer else {
            return true;
        };
        match event {
            Event::Project(id) => access.project.as_ref().is_none_or(|(project, _)| project.id == *id),
            Event::User(id) => access.actor.id == *id,
            Event::Everything => true,
        }
    }
}

fn ttl(answer: &Answer) -> Duration {
    match answer {
        Ok(Decision::Known(access)) => {
            let ttl_max = if access.project.is_some() {
                ALLOWED_TTL_MAX
            } else {
                REFUSED_TTL_MAX
            };
            access.holds_for.unwrap_or(ttl_max).min(ttl_max)
        }
        Ok(Decision::Unauthenticated | Decision::InsufficientScope { .. } | Decision::ProjectNotFound) => {
            REFUSED_TTL_MAX
        }
        Err(error) => error
            .retry_after
            .unwrap_or(FAILED_TTL)
            .clamp(FAILED_TTL, ALLOWED_TTL_MAX),
    }
}

/// The hash under which an answer is kept, so that no credential is.
fn key(project: &ProjectRef, credential: &Credential) -> Key {
    let credential = credential.encode();
    let (kind, project) = match project {
        ProjectRef::Id(id) => (b'i', id.to_string()),
        ProjectRef::Path(path) => (b'p', path.clone()),
    };
    Sha256::new()
        .chain_update(credential.len().to_le_bytes())
        .chain_update(credential)
        .chain_update([kind])
        .chain_update(project)
        .finalize()
        .into()
}
