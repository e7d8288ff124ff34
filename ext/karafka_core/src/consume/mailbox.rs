//! The scheduling state of a partition: at most one worker at a time, and no wake-up lost.
//!
//! librdkafka calls back only when an empty queue becomes non-empty. A call that comes while a worker holds the
//! partition would be lost if it were ignored, so it leaves a mark (`Dirty`) that the worker sees when it lets go.
//!
//! Every step is a read-modify-write, also where the state stays as it is: whoever takes the partition then sees
//! everything that was done before the notification, on any processor.

use std::sync::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const LEASED: u8 = 2;
const DIRTY: u8 = 3;

#[derive(Debug, Default)]
pub struct Mailbox(AtomicU8);

impl Mailbox {
    /// Something happened. True: the caller must put the partition on the ready queue.
    pub fn notify(&self) -> bool {
        let changed = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
                IDLE => Some(QUEUED),
                LEASED => Some(DIRTY),
                other => Some(other),
            });
        changed == Ok(IDLE)
    }

    /// A worker took it from the ready queue.
    pub fn take(&self) {
        self.0.swap(LEASED, Ordering::AcqRel);
    }

    /// The worker lets go and has seen everything. False: something happened meanwhile, the caller must queue it (now `Queued`).
    pub fn park(&self) -> bool {
        if self
            .0
            .compare_exchange(LEASED, IDLE, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            return true;
        }
        self.requeue();
        false
    }

    /// The worker lets go and wants another look; the caller queues it.
    pub fn requeue(&self) {
        self.0.swap(QUEUED, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_back_while_leased_is_seen_when_the_worker_lets_go() {
        let mailbox = Mailbox::default();
        assert!(mailbox.notify());
        assert!(!mailbox.notify(), "queued once");
        mailbox.take();
        assert!(!mailbox.notify());
        assert!(!mailbox.park(), "must be queued again");
        mailbox.take();
        assert!(mailbox.park());
        assert!(mailbox.notify());
    }
}
