//! The account of one project: the bytes that it keeps, and those reserved for uploads. Each byte is checked
//! and taken in one step.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::storage::usage::FileUsage;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Number of name locks. Two names with the same lock only wait for each other.
const NAME_LOCKS: usize = 64;

/// The sums of one project.
pub(super) struct Account {
    max: FileUsage,
    /// Locked for reading while one file changes, and for writing while many change or all are counted.
    changing: Arc<RwLock<()>>,
    /// True if `used` is what the storage holds. It changes only while `changing` is held.
    is_counted: AtomicBool,
    sums: Mutex<Sums>,
    names: [tokio::sync::Mutex<()>; NAME_LOCKS],
}

#[derive(Default)]
struct Sums {
    /// The named files.
    used: FileUsage,
    /// Number of files that are about to be named.
    files_held: u64,
    /// Bytes reserved for uploads.
    held: u64,
}

/// Bytes reserved for an upload. They are returned when this is dropped.
pub(super) struct Hold {
    account: Arc<Account>,
    bytes: u64,
}

/// The place of a file that is about to be named. It is returned when this is dropped.
pub(super) struct FilePlace {
    account: Arc<Account>,
}

/// The bytes that a request has reserved for its uploads. Cheap to clone; all clones share one state.
#[derive(Clone)]
pub(crate) struct Reservation {
    state: Arc<Mutex<Drawn>>,
}

struct Drawn {
    hold: Hold,
    /// Number of its bytes that have come.
    bytes: u64,
}

impl Account {
    pub(super) fn new(max: FileUsage) -> Self {
        Self {
            max,
            changing: Arc::default(),
            is_counted: AtomicBool::new(false),
            sums: Mutex::default(),
            names: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
        }
    }

    /// Waits until no change of many files is running, and blocks such changes until the guard is dropped.
    pub(super) async fn read(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.changing).read_owned().await
    }

    /// Waits until no change of any file is running, and blocks all changes until the guard is dropped.
    pub(super) async fn write(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.changing).write_owned().await
    }

    pub(super) fn is_counted(&self) -> bool {
        self.is_counted.load(Ordering::SeqCst)
    }

    /// Maximum number of files.
    pub(super) fn files_max(&self) -> u64 {
        self.max.files
    }

    /// The sum of all files, which must be counted.
    pub(super) fn used(&self) -> FileUsage {
        self.sums().used
    }

    /// Sets the sum after all files were counted.
    pub(super) fn set_used(&self, used: FileUsage) {
        self.sums().used = used;
        self.is_counted.store(true, Ordering::SeqCst);
    }

    /// Returns the sum of all files, if it is known, and marks it as unknown. The next change then counts all
    /// files.
    pub(super) fn forget_used(&self) -> Option<FileUsage> {
        let was_counted = self.is_counted.swap(false, Ordering::SeqCst);
        was_counted.then(|| self.sums().used)
    }

    /// Locks a name against other changes until the guard is dropped.
    pub(super) async fn lock_name(&self, name: &str) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % NAME_LOCKS as u64).unwrap_or_default();
        Some(self.names.get(index)?.lock().await)
    }

    /// Reserves bytes. `None`: they do not fit beside all that is kept and reserved.
    pub(super) fn hold(self: &Arc<Self>, bytes: u64) -> Option<Hold> {
        let mut hold = Hold {
            account: Arc::clone(self),
            bytes: 0,
        };
        hold.grow(bytes).then_some(hold)
    }

    /// Reserves bytes for a file whose change removes `leaving` bytes that are kept now. Until then the
    /// project may exceed its bound by that much.
    pub(super) fn hold_in_exchange(self: &Arc<Self>, bytes: u64, leaving: u64) -> Option<Hold> {
        let mut sums = self.sums();
        let afterwards = sums.total(bytes).saturating_sub(leaving);
        if bytes > leaving && afterwards > self.max.bytes {
            return None;
        }
        sums.held = sums.held.saturating_add(bytes);
        Some(Hold {
            account: Arc::clone(self),
            bytes,
        })
    }

    /// Reserves the place of one more file. `None`: the project has as many files as it may.
    pub(super) fn hold_place(self: &Arc<Self>) -> Option<FilePlace> {
        let mut sums = self.sums();
        if sums.used.files.saturating_add(sums.files_held) >= self.max.files {
            return None;
        }
        sums.files_held += 1;
        Some(FilePlace {
            account: Arc::clone(self),
        })
    }

    /// Replaces the `old` file of a name by the `new` one; each may be none. Its reservation is returned in the same step.
    pub(super) fn settle(&self, old: FileUsage, new: FileUsage, hold: Option<Hold>) {
        let held = hold.map_or(0, |mut hold| std::mem::take(&mut hold.bytes));
        let mut sums = self.sums();
        sums.used = sums.used.without(old).with(new);
        sums.held = sums.held.saturating_sub(held);
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        // No code that may panic runs under the lock.
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    fn total(&self, more: u64) -> u64 {
        self.used.bytes.saturating_add(self.held).saturating_add(more)
    }
}

impl Hold {
    /// Reserves more bytes. Returns `false`, and changes nothing, when they do not fit.
    fn grow(&mut self, bytes: u64) -> bool {
        let mut sums = self.account.sums();
        let fits = sums.total(bytes) <= self.account.max.bytes;
        if fits {
            sums.held += bytes;
            self.bytes += bytes;
        }
        fits
    }

    /// Moves at most `bytes` of its bytes into a new reservation.
    fn split_off(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            account: Arc::clone(&self.account),
            bytes,
        }
    }
}

impl Drop for FilePlace {
    fn drop(&mut self) {
        let mut sums = self.account.sums();
        sums.files_held = sums.files_held.saturating_sub(1);
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

    /// Counts bytes that came. Returns `false` when there is no room for them.
    pub(crate) fn draw(&self, bytes: u64) -> bool {
        let mut drawn = self.state();
        drawn.bytes = drawn.bytes.saturating_add(bytes);
        let missing = drawn.bytes.saturating_sub(drawn.hold.bytes);
        missing == 0 || drawn.hold.grow(missing)
    }

    /// Maximum number of bytes that the project may keep.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.state().hold.account.max.bytes
    }

    /// Takes the reservation of a received file out of the request's, so that it outlives the request.
    /// `None`: the file has more bytes than were drawn, and there is no room for the rest.
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
