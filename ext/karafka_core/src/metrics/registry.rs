//! The numbers of this process, by group and topic.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Counter, Histogram};
use crate::base::per_process::PerProcess;
use crate::base::sync::Mutex;

/// What is beyond `MOST_SERIES` topics, or types of errors, is counted under this name.
pub const OTHER: &str = "other";
/// Names may come from outside: an application can produce to any number of topics.
const MOST_SERIES: usize = 1_000;

static REGISTRY: PerProcess<Registry> = PerProcess::new(Registry::new);

/// Of this process.
pub fn registry() -> &'static Registry {
    REGISTRY.get()
}

/// Why partitions came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Assigned,
    Revoked,
    /// The group went on without this member.
    Lost,
    /// A batch was over its limit, so this process left the group.
    OverLimit,
    Stopping,
}

pub const CAUSES: [Cause; 5] = [
    Cause::Assigned,
    Cause::Revoked,
    Cause::Lost,
    Cause::OverLimit,
    Cause::Stopping,
];

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Assigned => "assigned",
            Cause::Revoked => "revoked",
            Cause::Lost => "lost",
            Cause::OverLimit => "over_limit",
            Cause::Stopping => "stopping",
        }
    }
}

/// What one group consumes of one topic.
#[derive(Debug)]
pub struct TopicMetrics {
    pub group: Arc<str>,
    pub topic: Arc<str>,
    pub fetched_messages: Counter,
    pub fetched_bytes: Counter,
    pub consumed_messages: Counter,
    pub consumed_bytes: Counter,
    pub consumed_batches: Counter,
    pub retried_messages: Counter,
    pub filtered_messages: Counter,
    pub expired_messages: Counter,
    pub dead_letters: Counter,
    pub moved_messages: Counter,
    pub skipped_messages: Counter,
    pub abandoned_batches: Counter,
    pub batch_messages: Histogram,
    pub processing: Histogram,
    pub waiting: Histogram,
    pub age: Histogram,
}

#[derive(Debug)]
pub struct GroupMetrics {
    pub group: Arc<str>,
    pub commits: Counter,
    pub failed_commits: Counter,
    pub commit: Histogram,
    pub rebalances: [Counter; CAUSES.len()],
    pub rebalance: Histogram,
}

impl GroupMetrics {
    pub fn rebalances(&self, cause: Cause) -> &Counter {
        &self.rebalances[cause as usize]
    }
}

/// What producers of this process send to one topic.
#[derive(Debug)]
pub struct ProducedMetrics {
    pub topic: Arc<str>,
    pub messages: Counter,
    pub bytes: Counter,
    pub failed: Counter,
    pub latency: Histogram,
}

/// What became of spans.
#[derive(Debug, Default)]
pub struct SpanMetrics {
    pub exported: Counter,
    pub dropped: Counter,
    pub failed: Counter,
}

/// Group and topic.
type TopicKey = (Arc<str>, Arc<str>);

pub struct Registry {
    topics: Mutex<HashMap<TopicKey, Arc<TopicMetrics>>>,
    groups: Mutex<HashMap<Arc<str>, Arc<GroupMetrics>>>,
    produced: Mutex<HashMap<Arc<str>, Arc<ProducedMetrics>>>,
    errors: Mutex<BTreeMap<Arc<str>, u64>>,
    pub gvl_wait: Histogram,
    pub spans: SpanMetrics,
}

impl Registry {
    fn new() -> Self {
        Registry {
            topics: Mutex::default(),
            groups: Mutex::default(),
            produced: Mutex::default(),
            errors: Mutex::default(),
            gvl_wait: Histogram::of_times(),
            spans: SpanMetrics::default(),
        }
    }

    /// To be kept by whoever counts.
    pub fn topic(&self, group: &str, topic: &str) -> Arc<TopicMetrics> {
        let mut topics = self.topics.lock();
        let key: TopicKey = (group.into(), topic.into());
        if let Some(known) = topics.get(&key) {
            return known.clone();
        }
        let key = (key.0, bounded(topics.len(), topic).into());
        let made = topics.entry(key).or_insert_with_key(|(group, topic)| {
            Arc::new(TopicMetrics {
                group: group.clone(),
                topic: topic.clone(),
                fetched_messages: Counter::default(),
                fetched_bytes: Counter::default(),
                consumed_messages: Counter::default(),
                consumed_bytes: Counter::default(),
                consumed_batches: Counter::default(),
                retried_messages: Counter::default(),
                filtered_messages: Counter::default(),
                expired_messages: Counter::default(),
                dead_letters: Counter::default(),
                moved_messages: Counter::default(),
                skipped_messages: Counter::default(),
                abandoned_batches: Counter::default(),
                batch_messages: Histogram::of_counts(),
                processing: Histogram::of_times(),
                waiting: Histogram::of_times(),
                age: Histogram::of_times(),
            })
        });
        made.clone()
    }

    pub fn group(&self, group: &str) -> Arc<GroupMetrics> {
        let mut groups = self.groups.lock();
        let made = groups.entry(group.into()).or_insert_with_key(|group| {
            Arc::new(GroupMetrics {
                group: group.clone(),
                commits: Counter::default(),
                failed_commits: Counter::default(),
                commit: Histogram::of_times(),
                rebalances: Default::default(),
                rebalance: Histogram::of_times(),
            })
        });
        made.clone()
    }

    pub fn produced(&self, topic: &str) -> Arc<ProducedMetrics> {
        let mut produced = self.produced.lock();
        if let Some(known) = produced.get(topic) {
            return known.clone();
        }
        let topic = bounded(produced.len(), topic);
        let made = produced.entry(topic.into()).or_insert_with_key(|topic| {
            Arc::new(ProducedMetrics {
                topic: topic.clone(),
                messages: Counter::default(),
                bytes: Counter::default(),
                failed: Counter::default(),
                latency: Histogram::of_times(),
            })
        });
        made.clone()
    }

    /// An error of that type was reported, such as "consumer.consume.error".
    pub fn error(&self, kind: &str) {
        let mut errors = self.errors.lock();
        if let Some(count) = errors.get_mut(kind) {
            *count += 1;
            return;
        }
        let kind = bounded(errors.len(), kind);
        *errors.entry(kind.into()).or_default() += 1;
    }

    pub fn topics(&self) -> Vec<Arc<TopicMetrics>> {
        sorted(self.topics.lock().values(), |one| {
            (one.group.clone(), one.topic.clone())
        })
    }

    pub fn groups(&self) -> Vec<Arc<GroupMetrics>> {
        sorted(self.groups.lock().values(), |one| one.group.clone())
    }

    pub fn all_produced(&self) -> Vec<Arc<ProducedMetrics>> {
        sorted(self.produced.lock().values(), |one| one.topic.clone())
    }

    pub fn errors(&self) -> Vec<(Arc<str>, u64)> {
        self.errors
            .lock()
            .iter()
            .map(|(kind, count)| (kind.clone(), *count))
            .collect()
    }
}

fn bounded(known: usize, name: &str) -> &str {
    if known < MOST_SERIES {
        name
    } else {
        OTHER
    }
}

fn sorted<'a, T: 'a, K: Ord>(all: impl Iterator<Item = &'a Arc<T>>, key: impl Fn(&T) -> K) -> Vec<Arc<T>> {
    let mut all: Vec<_> = all.cloned().collect();
    all.sort_by_cached_key(|one| key(one));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_topics_than_anybody_can_look_at_are_counted_together() {
        let registry = Registry::new();
        for number in 0..MOST_SERIES + 10 {
            registry.produced(&format!("topic-{number}")).messages.add(1);
        }
        assert_eq!(registry.all_produced().len(), MOST_SERIES + 1);
        assert_eq!(registry.produced(OTHER).messages.get(), 10);
        registry.produced("topic-3").messages.add(1);
        assert_eq!(registry.produced("topic-3").messages.get(), 2);
    }

    #[test]
    fn who_asks_again_gets_the_same_numbers() {
        let registry = Registry::new();
        registry.topic("group", "orders").consumed_messages.add(2);
        registry.topic("group", "orders").consumed_messages.add(3);
        assert_eq!(registry.topic("group", "orders").consumed_messages.get(), 5);
        assert_eq!(registry.topic("other group", "orders").consumed_messages.get(), 0);
    }
}
