//! librdkafka is not fork-safe: a child must forget what it inherited, never free or lock it. And no fork may happen
//! while a thread of ours holds a lock of the C library that the child needs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Once;
use std::time::{Duration, Instant};

static GENERATION: AtomicU64 = AtomicU64::new(0);
static REGISTER: Once = Once::new();
/// Forks that wait or are under way.
static FORKS: AtomicUsize = AtomicUsize::new(0);
/// Work that a fork waits for.
static POSTPONED: AtomicUsize = AtomicUsize::new(0);

/// A fork waits no longer: a look-up whose name server is away takes seconds, and its locks only microseconds of them.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_micros(100);

/// Watches forks from now on. To be called before a second thread can fork.
pub fn register() {
    REGISTER.call_once(|| {
        // SAFETY: the handlers only use atomics, sleep and close.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

extern "C" fn before() {
    FORKS.fetch_add(1, Ordering::SeqCst);
    let deadline = Instant::now() + LONGEST_WAIT;
    while POSTPONED.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
        std::thread::sleep(LOOK_AGAIN);
    }
}

extern "C" fn in_parent() {
    FORKS.fetch_sub(1, Ordering::SeqCst);
}

extern "C" fn in_child() {
    // Those threads are not here.
    FORKS.store(0, Ordering::SeqCst);
    POSTPONED.store(0, Ordering::SeqCst);
    GENERATION.fetch_add(1, Ordering::Relaxed);
    super::fork_files::close_all();
}

/// Holds forks up until it is dropped; waits for one that is under way. For short work on threads of ours.
pub(crate) struct Postponed(ForkGuard);

pub(crate) fn postpone() -> Postponed {
    let here = ForkGuard::new();
    loop {
        POSTPONED.fetch_add(1, Ordering::SeqCst);
        if FORKS.load(Ordering::SeqCst) == 0 {
            return Postponed(here);
        }
        POSTPONED.fetch_sub(1, Ordering::SeqCst);
        std::thread::sleep(LOOK_AGAIN);
    }
}

impl Drop for Postponed {
    fn drop(&mut self) {
        if !self.0.is_foreign() {
            POSTPONED.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Remembers the process it was made in. Asking costs one atomic read, no system call.
#[derive(Debug, Clone, Copy)]
pub struct ForkGuard(u64);

impl ForkGuard {
    pub fn new() -> Self {
        register();
        ForkGuard(GENERATION.load(Ordering::Relaxed))
    }

    /// True in a process forked after this guard was made.
    pub fn is_foreign(self) -> bool {
        GENERATION.load(Ordering::Relaxed) != self.0
    }
}

impl Default for ForkGuard {
    fn default() -> Self {
        Self::new()
    }
}
