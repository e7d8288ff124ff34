//! Pause and resume by an operator, see `holds`.

use super::Engine;
use crate::holds::Hold;
use crate::partition::Partition;

impl Engine {
    /// Hands out nothing of what this covers until it is resumed. Leases that are out end as usual.
    /// How many assigned partitions it covers now.
    pub fn pause(&self, hold: Hold) -> usize {
        if self.is_foreign() {
            return 0;
        }
        let covered = self.count(&hold);
        self.switches.holds.add(hold);
        covered
    }

    /// Ends this pause and those that are a part of it. How many assigned partitions it covers.
    pub fn resume(&self, hold: &Hold) -> usize {
        if self.is_foreign() {
            return 0;
        }
        self.switches.holds.remove(hold);
        self.notify_partitions();
        self.count(hold)
    }

    fn count(&self, hold: &Hold) -> usize {
        let of_group = |group: &std::sync::Arc<crate::group::Group>| {
            let assignment = group.assignment.lock();
            let covered = |(topic, number): &&(std::sync::Arc<str>, i32)| hold.covers(group.group_id(), topic, *number);
            assignment.current.keys().filter(covered).count()
        };
        self.groups.iter().map(of_group).sum()
    }

    pub(super) fn notify_partitions(&self) {
        for group in &self.groups {
            group.partitions().iter().for_each(Partition::notify);
        }
    }

    /// Filtered and expired messages of the partitions that are assigned.
    pub(super) fn skipped(&self) -> (u64, u64) {
        let all = self.groups.iter().flat_map(|group| group.partitions());
        all.map(|partition| partition.skipped.total())
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}
