//! How waits end early: one of them, because somebody cancelled it, or all of them, because the producer is gone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::delivery::DeliverySet;

/// Set from another thread to make a wait return early; the waiting side decides what it means.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
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
