//! Waiting for reports.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Instant;

use super::{DeliverySet, Waited, PENDING};
use crate::base::cancel::Cancel;
use crate::error::{Error, Result};

impl DeliverySet {
    /// Waits until every message has its report. `cancel` and `wake` from another thread end the wait early.
    pub fn wait(self: &Arc<Self>, deadline: Option<Instant>, cancel: &Cancel) -> Result<Waited> {
        self.wait_until(deadline, cancel, || self.is_done())
    }

    /// Waits until message `index` has its report.
    pub fn wait_for(self: &Arc<Self>, index: usize, deadline: Option<Instant>, cancel: &Cancel) -> Result<Waited> {
        if self.len == 1 {
            return self.wait(deadline, cancel);
        }
        // SeqCst with `report`: either it sees us, or we see its report.
        self.single_waiters.fetch_add(1, Ordering::SeqCst);
        let waited = self.wait_until(deadline, cancel, || self.is_reported(index));
        self.single_waiters.fetch_sub(1, Ordering::SeqCst);
        waited
    }

    /// True when message `index` has its report.
    pub fn is_reported(&self, index: usize) -> bool {
        self.tokens()
            .get(index)
            .is_none_or(|token| token.code.load(Ordering::SeqCst) != PENDING)
    }

    pub(super) fn wait_until(
        self: &Arc<Self>,
        deadline: Option<Instant>,
        cancel: &Cancel,
        enough: impl Fn() -> bool,
    ) -> Result<Waited> {
        if enough() {
            return Ok(Waited::Done);
        }
        if self.guard.is_foreign() {
            return Err(Error::Forked);
        }
        self.waiters.add(self);
        let waited = self.park(deadline, cancel, enough);
        self.waiters.remove(self);
        Ok(waited)
    }

    fn park(&self, deadline: Option<Instant>, cancel: &Cancel, enough: impl Fn() -> bool) -> Waited {
        let mut waiting = self.waiting.lock();
        *waiting += 1;
        let waited = loop {
            if enough() {
                break Waited::Done;
            }
            if self.waiters.is_over() {
                break Waited::Over;
            }
            if cancel.is_set() {
                break Waited::Cancelled;
            }
            if deadline.is_some_and(|at| Instant::now() >= at) {
                break Waited::TimedOut;
            }
            self.changed.wait_until(&mut waiting, cancel.until(deadline));
        };
        *waiting -= 1;
        waited
    }

    /// Makes every waiter look again; set its `Cancel` first.
    pub fn wake(&self) {
        // The lock orders this after the look of a waiter that has not begun to wait yet.
        let _waiters = self.waiting.lock();
        self.changed.notify_all();
    }
}
