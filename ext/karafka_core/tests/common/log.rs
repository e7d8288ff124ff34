//! What workers were given and what the engine said.

use std::time::Instant;

use karafka_core::event::Event;
use karafka_core::lease::{Kind, Lease};
use karafka_core::PartitionRow;
use parking_lot::Mutex;

pub fn is_assigned(event: &Event) -> bool {
    matches!(event, Event::Assigned { partitions, .. } if !partitions.is_empty())
}

pub fn is_revoked(event: &Event) -> bool {
    matches!(event, Event::Revoked { .. })
}

pub fn offsets(lease: &Lease) -> Vec<i64> {
    let messages = lease.messages();
    (0..messages.len()).filter_map(|index| messages.offset(index)).collect()
}

/// What a worker was given.
#[derive(Debug, Clone)]
pub struct Seen {
    pub worker: usize,
    pub topic: String,
    pub partition: i32,
    /// Of the assignment, and of the lane where it has several.
    pub id: u64,
    pub group_index: usize,
    pub kind: Kind,
    pub attempt: u32,
    pub offsets: Vec<i64>,
    pub payloads: Vec<String>,
    pub at: Instant,
}

impl Seen {
    pub fn of(lease: &Lease, worker: usize) -> Self {
        let messages = lease.messages();
        let partition = lease.partition();
        Seen {
            worker,
            topic: partition.topic.to_string(),
            partition: partition.number,
            id: lease.assignment_id(),
            group_index: partition.group_index(),
            kind: lease.kind(),
            attempt: lease.attempt(),
            offsets: offsets(lease),
            payloads: (0..messages.len())
                .map(|index| String::from_utf8_lossy(messages.payload(index).unwrap_or_default()).into_owned())
                .collect(),
            at: Instant::now(),
        }
    }
}

#[derive(Default)]
pub struct Log {
    pub seen: Mutex<Vec<Seen>>,
    pub events: Mutex<Vec<Event>>,
}

impl Log {
    pub fn count(&self, kind: Kind) -> usize {
        self.seen.lock().iter().filter(|seen| seen.kind == kind).count()
    }

    pub fn of(&self, kind: Kind) -> Vec<Seen> {
        self.seen
            .lock()
            .iter()
            .filter(|seen| seen.kind == kind)
            .cloned()
            .collect()
    }

    /// Offsets of one partition in the order they were handed out.
    pub fn offsets(&self, partition: i32) -> Vec<i64> {
        let seen = self.seen.lock();
        let consumed = seen
            .iter()
            .filter(|seen| seen.kind == Kind::Consume && seen.partition == partition);
        consumed.flat_map(|seen| seen.offsets.clone()).collect()
    }

    pub fn payloads(&self) -> Vec<String> {
        self.of(Kind::Consume)
            .into_iter()
            .flat_map(|seen| seen.payloads)
            .collect()
    }

    pub fn messages(&self) -> usize {
        self.seen.lock().iter().map(|seen| seen.offsets.len()).sum()
    }

    pub fn has_event(&self, matches: impl Fn(&Event) -> bool) -> bool {
        self.events.lock().iter().any(matches)
    }

    pub fn count_events(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events.lock().iter().filter(|event| matches(event)).count()
    }

    /// What the broker has taken of the commits.
    pub fn commits(&self) -> Vec<PartitionRow> {
        let events = self.events.lock();
        let taken = events.iter().filter_map(|event| match event {
            Event::Committed {
                offsets, error: None, ..
            } => Some(offsets.clone()),
            _ => None,
        });
        taken.flatten().filter(|row| row.error.is_none()).collect()
    }

    /// Messages, errors and ends in librdkafka's queues, as its last statistics have it.
    pub fn queued(&self) -> u64 {
        let events = self.events.lock();
        let last = events.iter().rev().find_map(|event| match event {
            Event::Statistics { json, .. } => Some(json),
            _ => None,
        });
        let Some(json) = last else { return 0 };
        let all: serde_json::Value = serde_json::from_str(json).expect("JSON");
        let topics = all["topics"].as_object().expect("topics").values();
        let partitions = topics.flat_map(|topic| topic["partitions"].as_object().expect("partitions").values());
        partitions
            .map(|one| one["fetchq_cnt"].as_u64().expect("a number"))
            .sum()
    }

    pub fn error_codes(&self) -> Vec<String> {
        let events = self.events.lock();
        let errors = events.iter().filter_map(|event| match event {
            Event::Error { error, .. } => Some(error.code.clone()),
            _ => None,
        });
        errors.collect()
    }
}
