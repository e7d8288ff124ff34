//! A picture of the engine for people.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::Engine;
use crate::batch::held_bytes;
use crate::consume::operator_pauses::OperatorPause;
use crate::error::Result;

/// A picture of the engine for people: what runs, what waits, what blocks.
#[derive(Debug, Clone)]
pub struct EngineState {
    pub running: bool,
    /// Quiet or stopping, no lease is out, and no consumer's `shutdown` is still to come.
    pub quiet: bool,
    pub groups: Vec<GroupState>,
    pub leases: Vec<LeaseState>,
    pub ready: usize,
    pub held_bytes: usize,
    /// Fetched ahead by librdkafka, estimated.
    pub fetched_bytes: usize,
    /// What an operator has paused.
    pub paused: Vec<OperatorPause>,
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
    /// With `initial_offset` "error": where it begins has to be decided by people.
    pub refused: bool,
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
    /// Topics of the routes that do not exist.
    pub missing: Vec<Arc<str>>,
    /// False: one of several clients that is not needed now.
    pub runs: bool,
    /// What the end of its client is at.
    pub closing: Option<&'static str>,
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
        let mut quiet = true;
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            for partition in group.partitions() {
                quiet &= group.is_winding_down() && partition.is_finished();
                waiting.extend(partition.waiting().map(|left| WaitingState {
                    topic: partition.topic.clone(),
                    partition: partition.number,
                    for_ms: left.map(|left| left.as_millis() as u64),
                    refused: partition.is_refused(),
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
                missing: group.missing.lock().iter().cloned().collect(),
                runs: group.runs(),
                closing: *group.closing.lock(),
            });
        }
        let running = self.started.load(Ordering::Acquire) && *self.open_groups.lock() > 0;
        Ok(EngineState {
            running,
            quiet,
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
