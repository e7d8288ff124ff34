//! What metrics and people look at, without a lock of the host's.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use super::{Engine, Health};
use crate::batch::held_bytes;
use crate::consume::history::{PastError, PastRebalance};
use crate::consume::partition::Snapshot;
use crate::consume::workers::{WorkerState, Workers};
use crate::event::Event;

/// Everything at one moment.
#[derive(Debug)]
pub struct Look {
    pub health: Health,
    /// Why the engine has failed.
    pub failure: Option<String>,
    /// How long the host has not taken its events.
    pub events_unread: Duration,
    pub groups: Vec<GroupLook>,
    pub workers: Vec<WorkerState>,
    pub ready: usize,
    pub held_bytes: usize,
    pub fetched_bytes: usize,
}

/// One client of a consumer group.
#[derive(Debug)]
pub struct GroupLook {
    /// Of the subscription group.
    pub id: Arc<str>,
    /// Its name in Kafka.
    pub group: String,
    pub member: Option<String>,
    pub generation: u64,
    /// No assignment has come since it was lost.
    pub lost: bool,
    pub poll_age: Duration,
    pub away: bool,
    pub runs: bool,
    pub closing: Option<&'static str>,
    pub missing: Vec<Arc<str>>,
    /// What keeps it from its brokers.
    pub trouble: Option<String>,
    pub partitions: Vec<Snapshot>,
    pub rebalances: Vec<PastRebalance>,
    pub errors: Vec<PastError>,
}

impl Engine {
    /// The calling thread is that worker from now on, until it ends: what it does is in `look`.
    pub fn enter_worker(&self, index: usize) {
        if !self.is_foreign() {
            self.workers.enter(index);
        }
    }

    pub fn leave_worker(&self) {
        Workers::leave();
    }

    /// Somebody looks from now on: the ends of logs are asked for.
    pub fn watch(&self) {
        if !self.is_foreign() && !self.switches.watched.swap(true, Ordering::AcqRel) {
            self.groups.iter().for_each(|group| group.wake_poller());
        }
    }

    pub fn workers(&self) -> Vec<WorkerState> {
        self.workers.list()
    }

    /// An event for the host.
    pub fn ask_host(&self, event: Event) {
        self.events.push(event);
    }

    pub fn look(&self) -> Look {
        let groups = self.groups.iter().map(|group| {
            let mut partitions: Vec<_> = group
                .partitions_now()
                .iter()
                .map(|partition| partition.snapshot())
                .collect();
            partitions.sort_by(|one, other| (&one.topic, one.partition).cmp(&(&other.topic, other.partition)));
            let client = group.client();
            let closing = *group.closing.lock();
            let (generation, lost) = {
                let assignment = group.assignment.lock();
                (assignment.generation, assignment.is_lost)
            };
            GroupLook {
                id: group.id.clone(),
                group: group.group_id().to_owned(),
                member: group.member.lock().clone(),
                generation,
                lost,
                poll_age: match closing {
                    // A client that ends has steps with limits of their own.
                    Some(_) => Duration::ZERO,
                    None => Duration::from_millis(group.last_poll_age_ms()),
                },
                away: group.is_away(),
                runs: group.runs(),
                closing,
                missing: group.missing.lock().iter().cloned().collect(),
                trouble: client.and_then(|client| client.trouble_now()),
                partitions,
                rebalances: group.history.rebalances(),
                errors: group.history.errors(),
            }
        });
        Look {
            groups: groups.collect(),
            health: self.health(),
            failure: self.failure.lock().as_ref().map(ToString::to_string),
            events_unread: self.events.unread_for(),
            workers: self.workers.list(),
            ready: self.ready.depth(),
            held_bytes: held_bytes(),
            fetched_bytes: self.budget.used_bytes(),
        }
    }
}
