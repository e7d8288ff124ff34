//! Offsets of partitions where nothing happens are committed again now and then: a broker forgets them after a while
//! (before Kafka 2.1 also those of a group with members), and the group would begin anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Poller;
use crate::consume::partition::Partition;
use crate::error::Result;
use crate::kafka::client::ConsumerClient;
use crate::kafka::ffi::Commit;

/// For the question what is committed. The poll thread waits for it, once in some hours.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// When that did not work.
const RETRY: Duration = Duration::from_secs(60);

pub(super) struct Recommit {
    interval: Option<Duration>,
    next: Option<Instant>,
}

impl Recommit {
    pub(super) fn new(interval_ms: Option<u64>) -> Self {
        let interval = interval_ms.map(Duration::from_millis);
        Recommit {
            interval,
            next: interval.and_then(|interval| Instant::now().checked_add(interval)),
        }
    }

    pub(super) fn run_if_due(&mut self, poller: &Poller, client: &ConsumerClient) {
        let Some(interval) = self
            .interval
            .filter(|_| self.next.is_some_and(|next| next <= Instant::now()))
        else {
            return;
        };
        let wait = match poller.recommit(client) {
            Ok(()) => interval,
            Err(error) => {
                tracing::warn!(group = %poller.group.id, "unchanged offsets could not be committed again: {error}");
                interval.min(RETRY)
            }
        };
        self.next = Instant::now().checked_add(wait);
    }
}

impl Poller {
    /// Sends back what the broker has, so it is the same offset with the same metadata. Only of partitions with nothing
    /// to commit: of the others the usual commit renews the offset.
    fn recommit(&self, client: &ConsumerClient) -> Result<()> {
        let current: Vec<_> = self.group.assignment.lock().current.values().cloned().collect();
        let idle: Vec<(Arc<Partition>, i64)> = current
            .into_iter()
            .filter(|partition| partition.is_confirmed())
            .map(|partition| {
                let marked = partition.marked();
                (partition, marked)
            })
            .collect();
        let partitions: Vec<_> = idle.iter().map(|(partition, _)| partition.clone()).collect();
        let asked = self.offsets_of(&partitions, |_| {
            Some(Commit {
                offset: 0,
                metadata: None,
                leader_epoch: None,
            })
        });
        if asked.is_empty() {
            return Ok(());
        }
        client.committed(&asked, LOOK_UP_TIMEOUT)?;
        // A worker may have marked and committed more meanwhile. Should it do so between here and the commit, then the
        // answer to ours shows the lower offset as the last confirmed one, and the next interval commits the higher again.
        let unchanged = |topic: &str, number: i32| {
            idle.iter().any(|(partition, marked)| {
                &*partition.topic == topic && partition.number == number && partition.marked() == *marked
            })
        };
        let kept = asked.keep(|row| row.offset >= 0 && row.error.is_none() && unchanged(&row.topic, row.partition));
        if kept.is_empty() {
            return Ok(());
        }
        client.commit_async(&kept)
    }
}
