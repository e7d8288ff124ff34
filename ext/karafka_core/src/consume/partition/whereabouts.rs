//! Where one message stands, for an operator who wants it out of the way, and the end of the wait before it is tried again.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use super::{Partition, State};

/// Where a message stands in a partition that is assigned to this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The consumer group in Kafka.
    pub group: String,
    /// The first message that is not processed; -1: nothing was fetched or committed yet.
    pub position: i64,
    pub standing: Standing,
    /// An operator has paused the partition.
    pub held: bool,
    /// How long the oldest batch of the partition that is being processed has been.
    pub processing: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is processed, or left out.
    Passed,
    /// A consumer has it, has failed on it, or gets it next.
    Reached,
    /// It was not fetched yet.
    Ahead,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Passed => "passed",
            Standing::Reached => "reached",
            Standing::Ahead => "ahead",
        }
    }
}

impl Partition {
    pub(crate) fn whereabouts(&self, offset: i64) -> Whereabouts {
        let processing = self.current_leases().into_iter().map(|lease| lease.age).max();
        let state = self.state.lock();
        let known = |offset: &i64| *offset >= 0;
        let position = Some(state.work.position(&self.marks)).filter(known);
        let waiting = state.reading.carry.as_ref().and_then(|carry| carry.first_offset());
        let committed = Some(self.marks.marked()).filter(known);
        let position = position.or(waiting).or(committed).unwrap_or(-1);
        let end = self.fetched_to.load(Ordering::Relaxed).max(position + 1);
        let passed = state.work.is_passed(offset);
        let standing = match () {
            () if position < 0 => Standing::Ahead,
            () if offset < position || passed => Standing::Passed,
            () if offset < end => Standing::Reached,
            () => Standing::Ahead,
        };
        Whereabouts {
            group: self.group.group_id().to_owned(),
            position,
            standing,
            held: self.group.is_held(&self.topic, self.number),
            processing,
        }
    }

    /// What has failed is tried again now. A pause that a consumer asked for, and has not failed since, stays.
    pub(crate) fn end_back_off(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let State { work, reading, .. } = &mut *state;
        work.end_back_off(reading);
        drop(state);
        self.notify();
    }
}
