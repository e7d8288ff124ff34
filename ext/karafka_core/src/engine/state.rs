//! A picture of the engine for people.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::Engine;
use crate::batch::held_bytes;
use crate::error::Result;
use crate::holds::Hold;

/// A picture of the engine for people: what runs, what waits, what blocks.
#[derive(Debug, Clone)]
pub struct EngineState {
    pub running: bool,
    pub groups: Vec<GroupState>,
    pub leases: Vec<LeaseState>,
    pub ready: usize,
    pub held_bytes: usize,
    /// Fetched ahead by librdkafka, estimated.
    pub fetched_bytes: usize,
    /// What an operator has paused.
    pub paused: Vec<Hold>,
    /// Partitions that are not handed over for a while: their consumer has paused them, or what failed comes again later.
    pub waiting: Vec<WaitingState>,
    /// Filtered and expired messages of the present assignments.
    pub skipped: (u64, u64),
}

#[derive(Debug, Clone)]
pub struct WaitingState {
    pub topic: Arc<str>,
    pub partition: i32,
    /// None: until it is resumed.
    pub for_ms: Option<u64>,
}

#[derive(Debug, Clone)]
pub struct GroupState {
    pub id: String,
    pub group_id: String,
    pub assigned: Vec<(Arc<str>, i32)>,
    pub generation: u64,
    pub last_poll_age_ms: u64,
    /// Out of the group because a lease is over its limit.
    pub away: bool,
    /// False: one of several clients that is not needed now.
    pub runs: bool,
}

#[derive(Debug, Clone)]
pub struct LeaseState {
    pub topic: Arc<str>,
    pub partition: i32,
    pub kind: &'static str,
    pub age_ms: u64,
}

impl Engine {
    pub fn state(&self) -> Result<EngineState> {
        self.check_process()?;
        let mut leases = Vec::new();
        let mut waiting = Vec::new();
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            for partition in group.partitions() {
                waiting.extend(partition.waiting().map(|left| WaitingState {
                    topic: partition.topic.clone(),
                    partition: partition.number,
                    for_ms: left.map(|left| left.as_millis() as u64),
                }));
                for lease in partition.current_leases() {
                    leases.push(LeaseState {
                        topic: partition.topic.clone(),
                        partition: partition.number,
                        kind: lease.kind.as_str(),
                        age_ms: lease.age.as_millis() as u64,
                    });
                }
            }
            let assignment = group.assignment.lock();
            groups.push(GroupState {
                id: group.id.to_string(),
                group_id: group.config.kafka.get("group.id").cloned().unwrap_or_default(),
                assigned: assignment.current.keys().cloned().collect(),
                generation: assignment.generation,
                last_poll_age_ms: group.last_poll_age_ms(),
                away: group.is_away(),
                runs: group.runs(),
            });
        }
        let running = self.started.load(Ordering::Acquire) && *self.open_groups.lock() > 0;
        Ok(EngineState {
            running,
            groups,
            leases,
            ready: self.ready.depth(),
            held_bytes: held_bytes(),
            fetched_bytes: self.budget.used_bytes(),
            paused: self.switches.holds.list(),
            waiting,
            skipped: self.skipped(),
        })
    }
}
