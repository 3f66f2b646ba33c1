//! What one project keeps, and what is set aside for files that are under way: every byte is checked and taken in one step.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Locks of names; two names that share one only wait for each other.
const NAME_LOCKS: usize = 64;

/// The sums of one project.
pub(super) struct Account {
    bytes_max: u64,
    /// Held to read while one file changes, to write while many do, or while all are counted.
    changing: Arc<RwLock<()>>,
    /// True if `used` is what the storage holds. Changed with `changing` held.
    is_counted: AtomicBool,
    sums: Mutex<Sums>,
    names: [tokio::sync::Mutex<()>; NAME_LOCKS],
}

#[derive(Default)]
struct Sums {
    /// By files that have their names.
    used: u64,
    /// For files that are under way.
    held: u64,
}

/// Bytes that are set aside for a file that is under way. They are given back when this is dropped.
pub(super) struct Hold {
    account: Arc<Account>,
    bytes: u64,
}

/// What a request has set aside for the files that it brings. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Reservation {
    state: Arc<Mutex<Drawn>>,
}

struct Drawn {
    hold: Hold,
    /// How many of its bytes have come.
    bytes: u64,
}

impl Account {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            changing: Arc::default(),
            is_counted: AtomicBool::new(false),
            sums: Mutex::default(),
            names: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
        }
    }

    /// Waits until nothing changes many files, and lets nothing do so until the guard is dropped.
    pub(super) async fn read(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.changing).read_owned().await
    }

    /// Waits until nothing changes any file, and lets nothing do so until the guard is dropped.
    pub(super) async fn write(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.changing).write_owned().await
    }

    pub(super) fn is_counted(&self) -> bool {
        self.is_counted.load(Ordering::SeqCst)
    }

    /// All files were counted.
    pub(super) fn set_used(&self, bytes: u64) {
        self.sums().used = bytes;
        self.is_counted.store(true, Ordering::SeqCst);
    }

    /// Answers what all files have, if that is known. It no longer is: the next change counts them first.
    pub(super) fn forget_used(&self) -> Option<u64> {
        let was_counted = self.is_counted.swap(false, Ordering::SeqCst);
        was_counted.then(|| self.sums().used)
    }

    /// Lets nothing else change this name until the guard is dropped.
    pub(super) async fn lock_name(&self, name: &str) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % NAME_LOCKS as u64).unwrap_or_default();
        Some(self.names.get(index)?.lock().await)
    }

    /// Sets bytes aside; none when they do not fit beside all that is kept and set aside.
    pub(super) fn hold(self: &Arc<Self>, bytes: u64) -> Option<Hold> {
        let mut hold = Hold {
            account: Arc::clone(self),
            bytes: 0,
        };
        hold.grow(bytes).then_some(hold)
    }

    /// Sets bytes aside for a file after whose change `leaving` of the bytes that are kept now go. While it is under way the
    /// project may keep as much more.
    pub(super) fn hold_in_exchange(self: &Arc<Self>, bytes: u64, leaving: u64) -> Option<Hold> {
        let mut sums = self.sums();
        let afterwards = sums.total(bytes).saturating_sub(leaving);
        if bytes > leaving && afterwards > self.bytes_max {
            return None;
        }
        sums.held = sums.held.saturating_add(bytes);
        Some(Hold {
            account: Arc::clone(self),
            bytes,
        })
    }

    /// A file of `old` bytes has become one of `new` bytes. What was set aside for it is given back in the same step.
    pub(super) fn settle(&self, old: u64, new: u64, hold: Option<Hold>) {
        let held = hold.map_or(0, |mut hold| std::mem::take(&mut hold.bytes));
        let mut sums = self.sums();
        sums.used = sums.used.saturating_sub(old).saturating_add(new);
        sums.held = sums.held.saturating_sub(held);
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        // No code that may panic runs under the lock.
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    fn total(&self, more: u64) -> u64 {
        self.used.saturating_add(self.held).saturating_add(more)
    }
}

impl Hold {
    /// Sets more aside; `false`, and nothing changes, when it does not fit.
    fn grow(&mut self, bytes: u64) -> bool {
        let mut sums = self.account.sums();
        let fits = sums.total(bytes) <= self.account.bytes_max;
        if fits {
            sums.held += bytes;
            self.bytes += bytes;
        }
        fits
    }

    /// Moves as many of its bytes as it has, and so many at most, into another one.
    fn split_off(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            account: Arc::clone(&self.account),
            bytes,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut sums = self.account.sums();
        sums.held = sums.held.saturating_sub(self.bytes);
    }
}

impl Reservation {
    pub(super) fn new(hold: Hold) -> Self {
        let drawn = Drawn { hold, bytes: 0 };
        Self {
            state: Arc::new(Mutex::new(drawn)),
        }
    }

    /// Takes note of bytes that came; `false` when there is no room for them.
    pub(crate) fn draw(&self, bytes: u64) -> bool {
        let mut drawn = self.state();
        drawn.bytes = drawn.bytes.saturating_add(bytes);
        let missing = drawn.bytes.saturating_sub(drawn.hold.bytes);
        missing == 0 || drawn.hold.grow(missing)
    }

    /// How many bytes the project may keep.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.state().hold.account.bytes_max
    }

    /// What a file of so many bytes needs, which came with the request: it stays set aside when the request has ended. None
    /// when more is needed than has come, and there is no room for the rest.
    pub(super) fn take(&self, bytes: u64) -> Option<Hold> {
        let mut drawn = self.state();
        let mut hold = drawn.hold.split_off(bytes);
        drawn.bytes = drawn.bytes.saturating_sub(bytes);
        let missing = bytes - hold.bytes;
        (missing == 0 || hold.grow(missing)).then_some(hold)
    }

    fn state(&self) -> MutexGuard<'_, Drawn> {
        // No code that may panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
