//! The partitions of a look, put together by topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::consume::engine::Look;
use crate::consume::partition::Snapshot;

/// One topic of a group, over all clients of the process.
#[derive(Default)]
pub(super) struct TopicPart<'a> {
    pub partitions: Vec<&'a Snapshot>,
}

impl TopicPart<'_> {
    /// None: not known of any partition.
    pub fn lag(&self) -> Option<i64> {
        let known: Vec<i64> = self.partitions.iter().filter_map(|one| one.lag).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }

    pub fn lag_ms(&self) -> Option<i64> {
        self.partitions.iter().filter_map(|one| one.lag_ms).max()
    }

    pub fn lag_unknown(&self) -> usize {
        self.partitions.iter().filter(|one| one.lag.is_none()).count()
    }

    pub fn leases(&self) -> usize {
        self.partitions.iter().map(|one| one.leases.len()).sum()
    }

    pub fn oldest_lease(&self) -> Option<Duration> {
        let ages = self.partitions.iter().flat_map(|one| &one.leases);
        ages.map(|lease| lease.age).max()
    }

    pub fn paused(&self) -> BTreeMap<&'static str, usize> {
        let mut paused = BTreeMap::new();
        for pause in self.partitions.iter().filter_map(|one| one.pause.as_ref()) {
            *paused.entry(pause.reason).or_default() += 1;
        }
        paused
    }
}

/// By group and topic.
pub(super) fn topics(look: &Look) -> BTreeMap<(&str, Arc<str>), TopicPart<'_>> {
    let mut topics: BTreeMap<_, TopicPart<'_>> = BTreeMap::new();
    for group in &look.groups {
        for one in &group.partitions {
            let key = (group.group.as_str(), one.topic.clone());
            topics.entry(key).or_default().partitions.push(one);
        }
    }
    topics
}
