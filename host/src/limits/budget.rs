//! Budgets of bytes or of counts, shared by all requests. A share is taken from a budget, and dropping it
//! returns it.
//!
//! One project and one caller can each take at most a part of a budget, so nobody can shut out others. All
//! three bounds are checked and taken in one step.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::forge::Actor;
use crate::limits::Limits;
use crate::storage::ProjectId;

/// The identity of a caller, independent of the token in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallerId(u64);

impl CallerId {
    /// A hash of id and login. Two actors with the same hash only have to share one part of the budget.
    pub(crate) fn of(actor: &Actor) -> Self {
        let mut hasher = DefaultHasher::new();
        (&actor.id, &actor.login).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The project and caller for whom a share is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) project: ProjectId,
    /// The caller; `None` for work of the host itself.
    pub(crate) caller: Option<CallerId>,
}

/// The bound that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// The bound of the whole budget.
    All,
    /// The bound of one project.
    Project,
    /// The bound of one caller.
    Caller,
}

/// The bounds of a budget, in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) all: usize,
    pub(crate) project: usize,
    pub(crate) caller: usize,
}

impl Bounds {
    /// The bounds of a budget, from its total and the percentages in `limits`. A part is at least
    /// `request_max`, the need of one request.
    pub(crate) fn of(total: usize, request_max: usize, limits: &Limits) -> Self {
        let part = |percent: usize| {
            let part = total.saturating_mul(percent) / 100;
            part.max(request_max).min(total)
        };
        Self {
            all: total,
            project: part(limits.project_percent_max),
            caller: part(limits.caller_percent_max),
        }
    }
}

/// The use of something bounded at this moment, in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) used: usize,
    pub(crate) max: usize,
}

/// A total that all shares together never exceed. Cheap to clone; all clones are the same budget.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    bounds: Bounds,
    taken: Mutex<Taken>,
}

/// The sums of all shares. A project or caller without a share has no entry.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    projects: HashMap<ProjectId, usize>,
    callers: HashMap<CallerId, usize>,
}

impl Budget {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            inner: Arc::new(Inner {
                bounds,
                taken: Mutex::default(),
            }),
        }
    }

    /// An empty share.
    pub(crate) fn share(&self, claim: Claim) -> Share {
        Share {
            budget: self.clone(),
            claim,
            taken: 0,
        }
    }

    /// Takes a share of this amount. Nothing is taken when less is left.
    pub(crate) fn take(&self, claim: Claim, amount: usize) -> Result<Share, Exhausted> {
        let mut share = self.share(claim);
        share.grow(amount)?;
        Ok(share)
    }

    /// The sum of all shares, and its bound.
    pub(crate) fn load(&self) -> Load {
        Load {
            used: self.lock().all,
            max: self.inner.bounds.all,
        }
    }

    /// The sum of a project's shares.
    pub(crate) fn taken_by(&self, project: ProjectId) -> usize {
        self.lock().projects.get(&project).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // No code that may panic runs under the lock.
        self.inner.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a budget that one holder has taken.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    claim: Claim,
    taken: usize,
}

impl Share {
    /// Takes more. Nothing changes when less is left.
    pub(crate) fn grow(&mut self, amount: usize) -> Result<(), Exhausted> {
        let bounds = &self.budget.inner.bounds;
        let mut taken = self.budget.lock();
        let all = bounded(taken.all, amount, bounds.all).ok_or(Exhausted::All)?;
        let of_project = taken.projects.get(&self.claim.project).copied().unwrap_or(0);
        let of_project = bounded(of_project, amount, bounds.project).ok_or(Exhausted::Project)?;
        if let Some(caller) = self.claim.caller {
            taken.take_as(caller, amount, bounds.caller)?;
        }
        taken.all = all;
        set(&mut taken.projects, self.claim.project, of_project);
        self.taken += amount;
        Ok(())
    }

    /// Returns a part of the share.
    pub(crate) fn shrink(&mut self, amount: usize) {
        let amount = amount.min(self.taken);
        self.taken -= amount;
        let mut taken = self.budget.lock();
        taken.all = taken.all.saturating_sub(amount);
        give_back(&mut taken.projects, self.claim.project, amount);
        if let Some(caller) = self.claim.caller {
            give_back(&mut taken.callers, caller, amount);
        }
    }

    /// Moves the share to another caller of the same project, or to none. Nothing changes when that caller
    /// would exceed its bound.
    pub(crate) fn hand_to(&mut self, caller: Option<CallerId>) -> Result<(), Exhausted> {
        if caller == self.claim.caller {
            return Ok(());
        }
        let mut taken = self.budget.lock();
        if let Some(caller) = caller {
            taken.take_as(caller, self.taken, self.budget.inner.bounds.caller)?;
        }
        if let Some(former) = self.claim.caller {
            give_back(&mut taken.callers, former, self.taken);
        }
        drop(taken);
        self.claim.caller = caller;
        Ok(())
    }

    /// Amount of the share.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(self.taken);
    }
}

impl Taken {
    fn take_as(&mut self, caller: CallerId, amount: usize, bound: usize) -> Result<(), Exhausted> {
        let former = self.callers.get(&caller).copied().unwrap_or(0);
        let now = bounded(former, amount, bound).ok_or(Exhausted::Caller)?;
        set(&mut self.callers, caller, now);
        Ok(())
    }
}

fn bounded(taken: usize, amount: usize, bound: usize) -> Option<usize> {
    taken.checked_add(amount).filter(|sum| *sum <= bound)
}

fn set<K: Eq + Hash>(sums: &mut HashMap<K, usize>, key: K, sum: usize) {
    if sum > 0 {
        sums.insert(key, sum);
    }
}

fn give_back<K: Eq + Hash>(sums: &mut HashMap<K, usize>, key: K, amount: usize) {
    if let Entry::Occupied(mut entry) = sums.entry(key) {
        let left = entry.get().saturating_sub(amount);
        if left == 0 {
            entry.remove();
        } else {
            entry.insert(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        all: 20,
        project: 10,
        caller: 5,
    };

    fn claim(project: u64, caller: u64) -> Claim {
        Claim {
            project: ProjectId(project),
            caller: Some(CallerId(caller)),
        }
    }

    #[test]
    fn a_project_or_caller_cannot_exceed_its_part() {
        let budget = Budget::new(BOUNDS);
        let mut ada = budget.share(claim(1, 1));
        assert_eq!(ada.grow(5), Ok(()));
        assert_eq!(ada.grow(1), Err(Exhausted::Caller));
        // The bound of a caller holds across projects.
        assert_eq!(budget.take(claim(2, 1), 1).err(), Some(Exhausted::Caller));
        let bob = budget.take(claim(1, 2), 5).unwrap();
        assert_eq!(budget.take(claim(1, 3), 1).err(), Some(Exhausted::Project));
        let others = [claim(2, 3), claim(2, 4)].map(|claim| budget.take(claim, 5).unwrap());
        assert_eq!(budget.take(claim(3, 5), 1).err(), Some(Exhausted::All));
        drop(bob);
        assert!(budget.take(claim(1, 6), 5).is_ok());
        drop((ada, others));
        let taken = budget.lock();
        assert!(taken.all == 0 && taken.projects.is_empty() && taken.callers.is_empty());
    }

    #[test]
    fn a_share_handed_over_counts_for_the_new_caller() {
        let budget = Budget::new(BOUNDS);
        let own = Claim {
            project: ProjectId(1),
            caller: None,
        };
        let (mut one, mut other) = (budget.take(own, 3).unwrap(), budget.take(own, 3).unwrap());
        let ada = Some(CallerId(1));
        assert_eq!(one.hand_to(ada), Ok(()));
        assert_eq!(other.hand_to(ada), Err(Exhausted::Caller));
        assert_eq!(one.hand_to(None), Ok(()));
        assert_eq!(other.hand_to(ada), Ok(()));
        assert_eq!(other.grow(3), Err(Exhausted::Caller));
        assert_eq!(other.hand_to(Some(CallerId(2))), Ok(()));
        assert_eq!(one.hand_to(ada), Ok(()));
    }

    #[test]
    fn parts_are_percentages_but_fit_one_request() {
        let limits = Limits {
            project_percent_max: 50,
            caller_percent_max: 25,
            ..Limits::default()
        };
        let bounds = |total, request_max| {
            let Bounds { all, project, caller } = Bounds::of(total, request_max, &limits);
            (all, project, caller)
        };
        assert_eq!(bounds(200, 1), (200, 100, 50));
        assert_eq!(bounds(200, 80), (200, 100, 80));
        assert_eq!(bounds(200, 500), (200, 200, 200));
        assert_eq!(bounds(1, 1), (1, 1, 1));
        assert_eq!(bounds(0, 1), (0, 0, 0));
    }

    proptest! {
        #[test]
        fn the_sums_equal_those_of_all_shares(steps in prop::collection::vec((0_u64..3, 0_u64..4, 0_usize..8, 0_u8..4), 0..60)) {
            let budget = Budget::new(BOUNDS);
            let mut shares: Vec<Share> = Vec::new();
            for (project, caller, amount, step) in steps {
                match step {
                    0 => shares.extend(budget.take(claim(project, caller), amount).ok()),
                    1 => drop(shares.pop()),
                    2 => shares.iter_mut().take(1).for_each(|share| share.shrink(amount)),
                    _ => shares.iter_mut().take(1).for_each(|share| _ = share.hand_to(Some(CallerId(caller)))),
                }
                let sum = |of: &dyn Fn(&Share) -> bool| shares.iter().filter(|share| of(share)).map(Share::taken).sum::<usize>();
                let taken = budget.lock();
                prop_assert_eq!(taken.all, sum(&|_| true));
                prop_assert!(taken.all <= BOUNDS.all);
                for number in 0..4 {
                    let of_project = sum(&|share| share.claim.project == ProjectId(number));
                    let of_caller = sum(&|share| share.claim.caller == Some(CallerId(number)));
                    prop_assert!(of_project <= BOUNDS.project && of_caller <= BOUNDS.caller);
                    prop_assert_eq!(taken.projects.get(&ProjectId(number)).copied().unwrap_or(0), of_project);
                    prop_assert_eq!(taken.callers.get(&CallerId(number)).copied().unwrap_or(0), of_caller);
                }
            }
        }
    }
}
