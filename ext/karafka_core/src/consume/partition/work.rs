//! The leases of a partition, and the messages that failed: of one consumer, in order, or of several lanes. Both have one
//! set of methods, so the rest of the partition treats them the same.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::parallel::Parallel;
use super::serial::Serial;
use super::{Partition, Reading};
use crate::batch::Slice;
use crate::config::TopicConfig;
use crate::consume::lanes::SeekRequest;
use crate::consume::lease::{Delivery, Kind, Settlement};
use crate::consume::marks::Marks;

pub(super) enum Work {
    Serial(Serial),
    Lanes(Box<Parallel>),
}

impl Work {
    pub fn new(config: &TopicConfig) -> Self {
        match &config.parallel {
            Some(parallel) => Work::Lanes(Box::new(Parallel::new(parallel, config.max_messages, config.max_bytes))),
            None => Work::Serial(Serial::default()),
        }
    }

    /// A worker has a lease.
    pub fn is_out(&self) -> bool {
        match self {
            Work::Serial(serial) => serial.out().is_some(),
            Work::Lanes(parallel) => parallel.is_out(),
        }
    }

    /// The leases that are out: lane, kind, and since when.
    pub fn out(&self) -> Vec<(usize, Kind, Instant)> {
        match self {
            Work::Serial(serial) => serial.out().map(|(kind, since)| (0, kind, since)).into_iter().collect(),
            Work::Lanes(parallel) => parallel.out().collect(),
        }
    }

    /// Ends a lease. `delay`: how long unprocessed messages wait.
    pub fn settle(
        &mut self,
        partition: &Partition,
        reading: &mut Reading,
        (delivery, settlement, delay): (&Delivery, Settlement, Duration),
    ) {
        match self {
            Work::Serial(serial) => serial.settle(partition, reading, (delivery, settlement, delay)),
            Work::Lanes(parallel) => parallel.settle(partition, reading, (delivery, settlement, delay)),
        }
    }

    /// The final lease of a consumer that has had none. None: every consumer has had it, or is out.
    pub fn final_delivery(&mut self, marks: &Marks, kind: Kind) -> Option<Delivery> {
        match self {
            Work::Serial(serial) => serial.final_delivery(marks, kind),
            Work::Lanes(parallel) => parallel.final_delivery(kind),
        }
    }

    /// No lease is out, and every consumer has had its final one.
    pub fn is_over(&self) -> bool {
        match self {
            Work::Serial(serial) => serial.out().is_none(),
            Work::Lanes(parallel) => parallel.is_over(),
        }
    }

    pub fn lanes(&mut self) -> Option<&mut Parallel> {
        match self {
            Work::Serial(_) => None,
            Work::Lanes(parallel) => Some(parallel),
        }
    }

    /// Several workers may have leases at a time, so a lease does not hold the partition.
    pub fn is_shared(&self) -> bool {
        matches!(self, Work::Lanes(_))
    }

    /// The leases that are out do not come back.
    pub fn abandon(&mut self) {
        match self {
            Work::Serial(serial) => serial.abandon(),
            Work::Lanes(parallel) => parallel.abandon(),
        }
    }

    /// The index of the first unmarked message of a delivery.
    pub fn unmarked_index(&self, marks: &Marks, delivery: &Delivery) -> Option<usize> {
        match self {
            Work::Serial(serial) => serial.unmarked_index(marks, delivery),
            Work::Lanes(parallel) => parallel.unmarked_index(delivery),
        }
    }

    /// Where a retry of it would start; -1: unknown.
    pub fn seek_offset(&self, marks: &Marks, reading: &Reading, delivery: &Delivery) -> i64 {
        match self {
            Work::Serial(serial) => serial.seek_offset(marks, reading),
            Work::Lanes(parallel) => parallel.seek_offset(delivery),
        }
    }

    /// The consumer wants reading to go on elsewhere. True: marks have to be forgotten now; else they are when it goes on.
    pub fn request_seek(&mut self, delivery: &Delivery, request: SeekRequest) -> bool {
        match self {
            Work::Serial(_) => request.forgets,
            Work::Lanes(parallel) => {
                parallel.lanes.request_seek(delivery.lane(), request);
                false
            }
        }
    }

    /// Failed messages are due now. A pause stays where a consumer has asked for it and has not failed since.
    pub fn end_back_off(&mut self, reading: &mut Reading) {
        match self {
            Work::Serial(serial) => serial.end_back_off(reading),
            Work::Lanes(parallel) => parallel.end_back_off(reading),
        }
    }

    /// The first message that is not processed; below 0: unknown.
    pub fn position(&self, marks: &Marks) -> i64 {
        match self {
            Work::Serial(serial) => serial.first_unmarked(marks),
            Work::Lanes(parallel) => parallel.lanes.acks.first_unfinished(),
        }
    }

    /// The message is not delivered again, whatever is before it.
    pub fn is_passed(&self, offset: i64) -> bool {
        match self {
            Work::Serial(serial) => serial.is_skipped(offset).is_some(),
            Work::Lanes(parallel) => {
                let acks = &parallel.lanes.acks;
                offset < acks.next() && !acks.is_unfinished(offset)
            }
        }
    }

    pub fn take_seeks(&mut self) -> BTreeMap<usize, SeekRequest> {
        match self {
            Work::Serial(_) => BTreeMap::new(),
            Work::Lanes(parallel) => parallel.lanes.take_seeks(),
        }
    }

    /// The move failed: the requests stay.
    pub fn put_back(&mut self, requests: BTreeMap<usize, SeekRequest>) {
        if let Work::Lanes(parallel) = self {
            parallel.lanes.put_back(requests);
        }
    }

    /// Reading goes on at `target`, which `request` has asked for. Returns where it has to go on for all lanes, and whether
    /// marks from there on have to be forgotten.
    pub fn go_to(&mut self, marks: &Marks, target: i64, request: SeekRequest) -> (i64, bool) {
        match self {
            Work::Serial(_) => (target, false),
            Work::Lanes(parallel) => parallel.go_to(marks, target, request),
        }
    }

    /// Ends the back-off of a lane.
    pub fn resume(&mut self, delivery: &Delivery) {
        if let Work::Lanes(parallel) = self {
            parallel.lanes.resume(delivery.lane(), Instant::now());
        }
    }

    /// Forgets the marks, and the failures.
    pub fn forget(&mut self) {
        match self {
            Work::Serial(serial) => serial.forget(),
            Work::Lanes(parallel) => parallel.lanes.acks.forget(),
        }
    }

    /// Finished messages beyond `offset`, which is about to be committed.
    pub fn finished_beyond(&self, offset: i64) -> Vec<Range<i64>> {
        match self {
            // After a seek the marked offset may be ahead of the frontier.
            Work::Lanes(parallel) if parallel.lanes.acks.frontier() == offset => parallel.lanes.acks.finished_beyond(),
            _ => Vec::new(),
        }
    }

    /// The version of the list of finished messages.
    pub fn version(&self) -> u64 {
        match self {
            Work::Serial(_) => 0,
            Work::Lanes(parallel) => parallel.lanes.acks.version(),
        }
    }

    /// How many of the next messages may come in one batch.
    pub fn limit(&self, messages: &Slice, max_messages: usize) -> usize {
        match self {
            Work::Serial(serial) => serial.limit(messages, max_messages),
            Work::Lanes(_) => max_messages,
        }
    }

    /// The next message is not delivered again; whether it counts as processed once all before it is. None: it is delivered.
    pub fn is_skipped(&self, offset: i64) -> Option<bool> {
        match self {
            Work::Serial(serial) => serial.is_skipped(offset),
            Work::Lanes(_) => None,
        }
    }

    /// The next messages have expired: those that follow have not failed yet.
    pub fn front_expired(&mut self) {
        if let Work::Serial(serial) = self {
            serial.front_expired();
        }
    }
}
