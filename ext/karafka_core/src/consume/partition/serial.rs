//! A partition with one consumer: one lease at a time, in order.

use std::time::{Duration, Instant};

use super::{Partition, Pause, Reading};
use crate::batch::Slice;
use crate::consume::lease::{Delivery, Kind, Settlement};
use crate::consume::marks::Marks;
use crate::consume::retry_state::RetryState;

pub(super) struct Serial {
    out: Option<(Kind, Instant)>,
    /// Of the message that comes next.
    attempt: u32,
    pub(super) retry_state: RetryState,
    has_consumer: bool,
    final_given: bool,
}

impl Default for Serial {
    fn default() -> Self {
        Serial {
            out: None,
            attempt: 1,
            retry_state: RetryState::default(),
            has_consumer: false,
            final_given: false,
        }
    }
}

impl Serial {
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    pub fn out(&self) -> Option<(Kind, Instant)> {
        self.out
    }

    pub fn hand_out(&mut self, marks: &Marks, kind: Kind, messages: Slice) -> Delivery {
        self.out = Some((kind, Instant::now()));
        self.has_consumer = true;
        let follows = marks.hand_out(&messages);
        Delivery {
            kind,
            messages,
            attempt: self.attempt,
            failed_at: self.retry_state.failed_at,
            follows,
            lane: None,
        }
    }

    pub fn final_delivery(&mut self, marks: &Marks, kind: Kind) -> Option<Delivery> {
        if !self.has_consumer || self.final_given {
            return None;
        }
        self.final_given = true;
        Some(self.hand_out(marks, kind, Slice::empty()))
    }

    pub fn abandon(&mut self) {
        self.out = None;
    }

    pub fn settle(
        &mut self,
        partition: &Partition,
        reading: &mut Reading,
        (delivery, settlement, delay): (&Delivery, Settlement, Duration),
    ) {
        self.out = None;
        match settlement {
            Settlement::Ack => {
                self.attempt = 1;
                // A seek during the batch says where to go on; marking the batch would contradict it.
                if let (None, Some(last)) = (reading.seek, delivery.messages.last_offset()) {
                    partition.mark(last);
                }
            }
            Settlement::Release => self.attempt = 1,
            _ if delivery.kind != Kind::Consume => {}
            Settlement::Retry { alone, .. } => {
                if alone {
                    self.retry_state.alone_until = delivery.messages.last_offset().unwrap_or(-1);
                }
                self.retry(partition, reading, delivery, delay, 1);
            }
            Settlement::Untried { .. } => self.retry(partition, reading, delivery, delay, 0),
            Settlement::SkipMessage { offset, mark } => self.skip_message(partition, reading, delivery, (offset, mark)),
            Settlement::Dropped => self.rewind(&partition.marks, reading, delivery),
        }
    }

    /// `attempts`: as how many this counts.
    fn retry(
        &mut self,
        partition: &Partition,
        reading: &mut Reading,
        delivery: &Delivery,
        delay: Duration,
        attempts: u32,
    ) {
        let attempt = partition.attempt(delivery);
        self.rewind(&partition.marks, reading, delivery);
        self.attempt = attempt.saturating_add(attempts);
        self.retry_state.failed_at = self.first_unmarked(&partition.marks);
        match Instant::now().checked_add(delay) {
            None => reading.pause = Pause::UntilResumed,
            Some(at) if reading.pause != Pause::UntilResumed => reading.pause = Pause::Until(at),
            Some(_) => {}
        }
    }

    fn skip_message(
        &mut self,
        partition: &Partition,
        reading: &mut Reading,
        delivery: &Delivery,
        (offset, mark): (i64, bool),
    ) {
        let marks = &partition.marks;
        let first = self.unmarked_index(marks, delivery);
        if mark && first.and_then(|index| delivery.messages.offset(index)) == Some(offset) {
            partition.mark(offset);
        } else {
            self.retry_state.skip(offset, mark, marks.position());
        }
        self.rewind(marks, reading, delivery);
        self.attempt = 1;
        self.retry_state.failed_at = -1;
    }

    pub fn end_back_off(&self, reading: &mut Reading) {
        if self.attempt > 1 {
            reading.pause = Pause::No;
        }
    }

    pub fn forget(&mut self) {
        self.retry_state = RetryState::default();
    }

    pub fn limit(&self, messages: &Slice, max_messages: usize) -> usize {
        self.retry_state.limit(messages, max_messages)
    }

    pub fn is_skipped(&self, offset: i64) -> Option<bool> {
        self.retry_state.is_skipped(offset)
    }

    pub fn front_expired(&mut self) {
        self.attempt = 1;
    }
}
