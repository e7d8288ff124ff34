//! The deliveries that somebody waits for just now: all of them return where the producer is gone.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use super::delivery::DeliverySet;
use crate::base::sync::Mutex;

/// ProducerCore by a producer and its deliveries: says that no report will come any more.
#[derive(Debug)]
pub(super) struct Waiters {
    /// Of the producer.
    serial: u64,
    over: AtomicBool,
    /// Reports that subscribers have heard of: whether they get any further.
    announced: AtomicUsize,
    /// Only those that somebody waits for just now.
    waited_for: Mutex<Vec<Arc<DeliverySet>>>,
}

static LAST_SERIAL: AtomicU64 = AtomicU64::new(0);

impl Default for Waiters {
    fn default() -> Self {
        Waiters {
            serial: LAST_SERIAL.fetch_add(1, Ordering::Relaxed) + 1,
            over: AtomicBool::new(false),
            announced: AtomicUsize::new(0),
            waited_for: Mutex::default(),
        }
    }
}

impl Waiters {
    pub fn serial(&self) -> u64 {
        self.serial
    }

    pub fn announced(&self) -> usize {
        self.announced.load(Ordering::Relaxed)
    }

    pub fn count_announced(&self) {
        self.announced.fetch_add(1, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// No more reports: every waiter returns.
    pub fn close(&self) {
        self.over.store(true, Ordering::SeqCst);
        let waited_for = std::mem::take(&mut *self.waited_for.lock());
        for set in waited_for {
            set.wake();
        }
    }

    pub fn add(&self, set: &Arc<DeliverySet>) {
        self.waited_for.lock().push(Arc::clone(set));
    }

    pub fn remove(&self, set: &Arc<DeliverySet>) {
        let mut all = self.waited_for.lock();
        if let Some(at) = all.iter().position(|other| Arc::ptr_eq(other, set)) {
            all.swap_remove(at);
        }
    }
}
