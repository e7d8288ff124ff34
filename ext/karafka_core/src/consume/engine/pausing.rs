//! What an operator does with partitions: pause and resume, see `holds`, and leaving a message out.

use std::sync::Arc;

use super::Engine;
use crate::consume::group::Group;
use crate::consume::operator_pauses::OperatorPause;
use crate::consume::partition::{Partition, Whereabouts};

impl Engine {
    /// Hands out nothing of what this covers until it is resumed. Leases that are out end as usual.
    /// How many assigned partitions it covers now.
    pub fn pause(&self, hold: OperatorPause) -> usize {
        if self.is_foreign() {
            return 0;
        }
        let covered = self.count(&hold);
        self.switches.holds.add(hold);
        covered
    }

    /// Ends this pause and those that are a part of it. How many assigned partitions it covers.
    pub fn resume(&self, hold: &OperatorPause) -> usize {
        if self.is_foreign() {
            return 0;
        }
        self.switches.holds.remove(hold);
        self.notify_partitions();
        self.count(hold)
    }

    /// Where the message at `offset` stands, for each group of this process that has its partition now.
    pub fn whereabouts(&self, group: Option<&str>, topic: &str, number: i32, offset: i64) -> Vec<Whereabouts> {
        let found = self.assigned(group, topic, number);
        found.iter().map(|partition| partition.whereabouts(offset)).collect()
    }

    /// What has failed in that partition is tried again now, whatever its back-off is.
    pub fn end_back_off(&self, group: Option<&str>, topic: &str, number: i32) {
        self.assigned(group, topic, number)
            .iter()
            .for_each(Partition::end_back_off);
    }

    fn assigned(&self, group: Option<&str>, topic: &str, number: i32) -> Vec<Arc<Partition>> {
        if self.is_foreign() {
            return Vec::new();
        }
        let of_group = |candidate: &&Arc<Group>| group.is_none_or(|wanted| candidate.group_id() == wanted);
        let found = self
            .groups
            .iter()
            .filter(of_group)
            .flat_map(|group| group.partitions_now());
        let wanted = |partition: &Arc<Partition>| {
            partition.is_alive() && &*partition.topic == topic && partition.number == number
        };
        found.filter(wanted).collect()
    }

    fn count(&self, hold: &OperatorPause) -> usize {
        let of_group = |group: &Arc<Group>| {
            let assignment = group.assignment.lock();
            let covered = |(topic, number): &&(Arc<str>, i32)| hold.covers(group.group_id(), topic, *number);
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
