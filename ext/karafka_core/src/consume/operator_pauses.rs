//! Pauses by an operator: the whole process, a group, a topic, a partition. Apart from what a consumer pauses itself.
//!
//! Those of a group, a topic or everything stay until they are resumed, also over rebalances. One of a partition dies
//! with its assignment, like all that belongs to a partition: its next owner begins anew.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::sync::Mutex;

/// What is paused; None stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorPause {
    /// The consumer group in Kafka.
    pub group: Option<String>,
    pub topic: Option<String>,
    pub partition: Option<i32>,
}

impl OperatorPause {
    pub fn covers(&self, group: &str, topic: &str, partition: i32) -> bool {
        self.group.as_deref().is_none_or(|own| own == group)
            && self.topic.as_deref().is_none_or(|own| own == topic)
            && self.partition.is_none_or(|own| own == partition)
    }

    /// Whether `other` is a part of this.
    fn includes(&self, other: &OperatorPause) -> bool {
        let part = |own: Option<&str>, of: Option<&str>| own.is_none() || own == of;
        part(self.group.as_deref(), other.group.as_deref())
            && part(self.topic.as_deref(), other.topic.as_deref())
            && (self.partition.is_none() || self.partition == other.partition)
    }
}

#[derive(Debug, Default)]
pub struct OperatorPauses {
    /// Asked for each lease, so it costs no lock.
    any: AtomicBool,
    list: Mutex<Vec<OperatorPause>>,
}

impl OperatorPauses {
    pub fn add(&self, hold: OperatorPause) {
        let mut list = self.list.lock();
        if !list.contains(&hold) {
            list.push(hold);
        }
        self.any.store(true, Ordering::SeqCst);
    }

    /// Ends this pause and those that are a part of it.
    pub fn remove(&self, hold: &OperatorPause) {
        self.keep(|known| !hold.includes(known));
    }

    /// An assignment is over.
    pub fn forget(&self, group: &str, topic: &str, partition: i32) {
        if self.any.load(Ordering::SeqCst) {
            self.keep(|known| known.partition.is_none() || !known.covers(group, topic, partition));
        }
    }

    fn keep(&self, wanted: impl Fn(&OperatorPause) -> bool) {
        let mut list = self.list.lock();
        list.retain(wanted);
        self.any.store(!list.is_empty(), Ordering::SeqCst);
    }

    /// Whether anything is paused. Cheap.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::SeqCst)
    }

    pub fn covers(&self, group: &str, topic: &str, partition: i32) -> bool {
        self.any() && self.list.lock().iter().any(|hold| hold.covers(group, topic, partition))
    }

    pub fn list(&self) -> Vec<OperatorPause> {
        self.list.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(group: Option<&str>, topic: Option<&str>, partition: Option<i32>) -> OperatorPause {
        OperatorPause {
            group: group.map(str::to_owned),
            topic: topic.map(str::to_owned),
            partition,
        }
    }

    #[test]
    fn a_wider_resume_ends_narrower_pauses_and_not_the_other_way_round() {
        let holds = OperatorPauses::default();
        assert!(!holds.covers("g", "t", 0));
        holds.add(hold(None, Some("t"), None));
        holds.add(hold(Some("g"), Some("u"), Some(1)));
        assert!(holds.covers("g", "t", 0) && holds.covers("g", "u", 1) && !holds.covers("g", "u", 0));
        holds.remove(&hold(None, Some("t"), Some(0)));
        assert!(holds.covers("g", "t", 0), "the topic is paused, not the partition");
        holds.remove(&OperatorPause::default());
        assert!(!holds.covers("g", "t", 0) && !holds.covers("g", "u", 1));
    }

    #[test]
    fn one_of_a_partition_dies_with_its_assignment() {
        let holds = OperatorPauses::default();
        holds.add(hold(None, Some("t"), Some(1)));
        holds.add(hold(None, Some("t"), None));
        holds.forget("g", "t", 1);
        assert_eq!(holds.list(), [hold(None, Some("t"), None)]);
    }
}
