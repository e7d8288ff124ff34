//! Each settlement of a lease in a word.

use std::time::Duration;

use karafka_core::lease::{Lease, Settlement, Wait};

pub trait Settle {
    fn ack(&self) -> bool;
    fn release(&self) -> bool;
    fn nack(&self) -> Option<Duration>;
    fn retry(&self, wait: Wait, alone: bool) -> Option<Duration>;
    fn untried(&self, times: u32) -> Option<Duration>;
    fn skip_message(&self, offset: i64, mark: bool) -> bool;
}

impl Settle for Lease {
    fn ack(&self) -> bool {
        self.settle(Settlement::Ack).is_some()
    }

    fn release(&self) -> bool {
        self.settle(Settlement::Release).is_some()
    }

    fn nack(&self) -> Option<Duration> {
        self.retry(Wait::BackOff, false)
    }

    fn retry(&self, wait: Wait, alone: bool) -> Option<Duration> {
        self.settle(Settlement::Retry { wait, alone })
    }

    fn untried(&self, times: u32) -> Option<Duration> {
        self.settle(Settlement::Untried { times })
    }

    fn skip_message(&self, offset: i64, mark: bool) -> bool {
        self.settle(Settlement::SkipMessage { offset, mark }).is_some()
    }
}
