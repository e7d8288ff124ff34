//! What a supervisor has to know of the engine, in a line. Asked for once a second, off every lock of the host's.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::Engine;
use crate::consume::lease::Kind;

#[derive(Debug, Serialize)]
pub struct Health {
    /// "starting", "running", "stopping" or "failed".
    pub state: &'static str,
    /// Every client has been assigned its partitions, which may be none.
    pub joined: bool,
    /// It takes no new work, and no batch is out any more.
    pub quiet: bool,
    /// How long the slowest poll thread has not come round.
    pub poll_age_ms: u64,
    /// A batch that takes longer than its topic's `long_running_limit`.
    pub overdue: Option<Overdue>,
}

#[derive(Debug, Serialize)]
pub struct Overdue {
    pub topic: String,
    pub partition: i32,
    pub age_ms: u64,
}

impl Engine {
    pub fn health(&self) -> Health {
        let state = if self.failure.lock().is_some() {
            "failed"
        } else if self.switches.stopping.load(Ordering::Acquire) {
            "stopping"
        } else if self.started.load(Ordering::Acquire) {
            "running"
        } else {
            "starting"
        };
        // A client that ends has steps with limits of their own.
        let polling = || {
            let all = self.groups.iter().filter(|_| state == "running");
            all.filter(|group| group.closing.lock().is_none())
        };
        Health {
            state,
            joined: state == "running"
                && polling().all(|group| !group.runs() || group.assignment.lock().generation > 0),
            quiet: self.groups.iter().all(|group| {
                group.is_winding_down() && group.partitions().iter().all(|partition| partition.is_finished())
            }),
            poll_age_ms: polling().map(|group| group.last_poll_age_ms()).max().unwrap_or(0),
            overdue: self.groups.iter().find_map(|group| {
                let overdue = group
                    .partitions()
                    .into_iter()
                    .find(|partition| partition.is_overdue())?;
                let leases = overdue
                    .current_leases()
                    .into_iter()
                    .filter(|lease| lease.kind != Kind::Seek);
                let age = leases.map(|lease| lease.age).max()?;
                Some(Overdue {
                    topic: overdue.topic.to_string(),
                    partition: overdue.number,
                    age_ms: age.as_millis() as u64,
                })
            }),
        }
    }

    /// The same as a line of JSON.
    pub fn health_line(&self) -> String {
        serde_json::to_string(&self.health()).unwrap_or_default()
    }
}
