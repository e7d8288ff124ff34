//! What is counted of a group.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use super::Group;
use crate::event::PartitionRow;
use crate::metrics::Cause;

impl Group {
    /// Whether somebody looks at lag.
    pub fn is_watched(&self) -> bool {
        self.switches.watched.load(Ordering::Relaxed)
    }

    /// Partitions have come or gone, which took that long.
    pub fn rebalanced(&self, cause: Cause, partitions: usize, took: Duration) {
        self.metrics.rebalances(cause).add(1);
        self.metrics.rebalance.observe_time(took);
        self.history.rebalanced(cause, partitions, took);
    }

    /// A commit was answered.
    pub(super) fn count_commit(&self, offsets: &[PartitionRow], failed: bool) {
        match failed {
            true => self.metrics.failed_commits.add(1),
            false => self.metrics.commits.add(1),
        }
        // All of its partitions were sent at once.
        let sent_at = offsets.first().and_then(|row| {
            let key = (Arc::from(row.topic.as_str()), row.partition);
            Some(self.assignment.lock().current.get(&key)?.commit_sent_at())
        });
        if let Some(sent_at) = sent_at {
            self.metrics.commit.observe_time(sent_at.elapsed());
        }
    }
}
