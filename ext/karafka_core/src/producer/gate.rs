//! How waits end early: one of them, because somebody cancelled it, or all of them, because the producer is gone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::delivery::DeliverySet;

/// Waits without a deadline look up once in a while all the same.
const LONG: Duration = Duration::from_secs(3_600);

/// Set from another thread, or by the time, to make a wait return early; the waiting side decides what it means.
#[derive(Debug, Default)]
pub struct Cancel {
    set: AtomicBool,
    at: Option<Instant>,
}

impl Cancel {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets itself after so long.
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

    /// How long a wait may last at most: to the deadline, or until this sets itself.
    pub(super) fn patience(&self, deadline: Option<Instant>) -> Duration {
        let left = |at: Instant| at.saturating_duration_since(Instant::now());
        [deadline, self.at]
            .into_iter()
            .flatten()
            .map(left)
            .min()
            .unwrap_or(LONG)
    }
}

/// Shared by a producer and its deliveries: says that no report will come any more.
#[derive(Debug)]
pub(super) struct Gate {
    /// Of the producer.
    serial: u64,
    over: AtomicBool,
    /// Only those that somebody waits for just now.
    waited_for: Mutex<Vec<Arc<DeliverySet>>>,
}

static LAST_SERIAL: AtomicU64 = AtomicU64::new(0);

impl Default for Gate {
    fn default() -> Self {
        Gate {
            serial: LAST_SERIAL.fetch_add(1, Ordering::Relaxed) + 1,
            over: AtomicBool::new(false),
            waited_for: Mutex::default(),
        }
    }
}

impl Gate {
    pub fn serial(&self) -> u64 {
        self.serial
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// No more reports: every waiter returns.
    pub fn close(&self) {
        self.over.store(true, Ordering::SeqCst);
        let waited_for = std::mem::take(&mut *self.waited_for.lock().unwrap_or_else(PoisonError::into_inner));
        for set in waited_for {
            set.wake();
        }
    }

    pub fn add(&self, set: &Arc<DeliverySet>) {
        self.waited_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(set));
    }

    pub fn remove(&self, set: &Arc<DeliverySet>) {
        let mut all = self.waited_for.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = all.iter().position(|other| Arc::ptr_eq(other, set)) {
            all.swap_remove(at);
        }
    }
}
