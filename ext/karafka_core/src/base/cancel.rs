//! How one wait ends early: from another thread, or by the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A wait without a deadline looks up this often all the same.
const LONG: Duration = Duration::from_secs(3_600);

/// Set from another thread, or by the time, to make a wait return early; the waiting side decides what that means. It is set and
/// then the waiter is woken under the lock of what it waits for, so no wake-up is lost.
#[derive(Debug, Default)]
pub struct Cancel {
    set: AtomicBool,
    at: Option<Instant>,
}

impl Cancel {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets itself after this time.
    pub fn within(time: Duration) -> Self {
        Cancel {
            set: AtomicBool::new(false),
            at: Some(Instant::now() + time),
        }
    }

    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst) || self.at.is_some_and(|at| Instant::now() >= at)
    }

    pub fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
    }

    /// When a wait has to look again at the latest: at the deadline, or when this sets itself.
    pub(crate) fn until(&self, deadline: Option<Instant>) -> Instant {
        let first = [deadline, self.at].into_iter().flatten().min();
        first.unwrap_or_else(|| Instant::now() + LONG)
    }
}
