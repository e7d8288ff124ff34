//! What the host decides before anything starts.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::selection::SelectionConfig;
use crate::throttle::ThrottleConfig;

const DEFAULT_PRIORITY: u32 = 10;

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct EngineConfig {
    /// How long a revocation waits for leases that are still out, so that their work can be committed.
    pub revocation_grace_ms: u64,
    /// After so long a lease that is still out is told about; again after twice the time, and so on. None: never.
    pub stuck_report_ms: Option<u64>,
    /// About so much is fetched ahead at most, by all groups together. None: only librdkafka's limits hold.
    pub max_queued_bytes: Option<usize>,
    pub groups: Vec<GroupConfig>,
    /// Topics refer to them by their place.
    #[serde(default)]
    pub throttles: Vec<ThrottleConfig>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            revocation_grace_ms: 5_000,
            stuck_report_ms: None,
            max_queued_bytes: None,
            groups: Vec::new(),
            throttles: Vec::new(),
        }
    }
}

/// One subscription group: one client, one poll thread.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct GroupConfig {
    pub id: String,
    /// Complete librdkafka settings.
    pub kafka: BTreeMap<String, String>,
    pub topics: Vec<TopicConfig>,
    /// How often offsets that did not change are committed again, before they expire. None: never.
    pub recommit_interval_ms: Option<u64>,
    /// One of several clients for the same topics, whose number changes. None: it runs from start to stop.
    pub multiplexing: Option<MultiplexingConfig>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct MultiplexingConfig {
    /// The name that those which belong together have in common.
    pub set: String,
    /// Which of them this is, from 0.
    pub place: usize,
    pub min: usize,
    pub max: usize,
    /// So many run at the start.
    pub boot: usize,
    /// A change takes place after so long at least.
    pub delay_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct TopicConfig {
    pub name: Option<String>,
    /// POSIX pattern starting with `^`; new matching topics are picked up.
    pub pattern: Option<String>,
    pub max_messages: usize,
    pub max_bytes: usize,
    /// How long an unfilled batch may wait for more; 0: not at all.
    pub max_wait_time_ms: u64,
    /// Hand out a lease when the end of the partition is reached.
    pub eofed: bool,
    pub pause_timeout_ms: u64,
    pub pause_max_timeout_ms: u64,
    pub pause_with_exponential_backoff: bool,
    pub selection: SelectionConfig,
    /// Hand out an `idle` lease when nothing came for so long after a batch. None: never.
    pub idle_after_ms: Option<u64>,
    /// A lease that is out for longer makes this process leave the group. None: no limit.
    pub long_running_limit_ms: Option<u64>,
    /// How often its partitions get a worker while there are more of them than workers, relative to other topics.
    pub priority: u32,
    /// These partitions (none: all there are) without sharing them in the group. None: the group assigns.
    pub assign: Option<Vec<i32>>,
    /// A message that was marked begins the count of attempts anew, within a batch too.
    pub attempts_per_message: bool,
    /// None: one lease of a partition at a time, in order.
    pub parallel: Option<ParallelConfig>,
}

/// How far the messages of one partition may be processed at once.
#[derive(Debug, Clone, Deserialize)]
pub struct ParallelConfig {
    pub by: Spread,
    /// Leases of a partition that may be out at once.
    pub limit: usize,
}

/// What the messages of a partition that keep their order have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Their key.
    Key,
    /// Nothing: there is no order.
    None,
    /// What the host says, asked with leases of the kind `Keys`.
    Host,
}

impl Default for TopicConfig {
    fn default() -> Self {
        TopicConfig {
            name: None,
            pattern: None,
            max_messages: 100,
            max_bytes: 1_048_576,
            max_wait_time_ms: 0,
            eofed: false,
            pause_timeout_ms: 1_000,
            pause_max_timeout_ms: 30_000,
            pause_with_exponential_backoff: true,
            idle_after_ms: None,
            long_running_limit_ms: None,
            priority: DEFAULT_PRIORITY,
            assign: None,
            attempts_per_message: false,
            selection: SelectionConfig::default(),
            parallel: None,
        }
    }
}

impl TopicConfig {
    /// How long to wait before attempt `attempt + 1`.
    pub fn backoff(&self, attempt: u32) -> Duration {
        let factor = if self.pause_with_exponential_backoff {
            1u64 << attempt.saturating_sub(1).min(30)
        } else {
            1
        };
        Duration::from_millis(
            self.pause_timeout_ms
                .saturating_mul(factor)
                .min(self.pause_max_timeout_ms),
        )
    }
}

/// Finds the settings of a topic: by its name first, then by the patterns in order.
pub struct TopicTable {
    names: BTreeMap<String, usize>,
    patterns: Vec<(Regex, usize)>,
}

impl TopicTable {
    pub fn new(topics: &[TopicConfig]) -> Result<Self> {
        let mut table = TopicTable {
            names: BTreeMap::new(),
            patterns: Vec::new(),
        };
        let direct = topics.iter().filter(|topic| topic.assign.is_some()).count();
        if direct > 0 && (direct < topics.len() || topics.iter().any(|topic| topic.pattern.is_some())) {
            return Err(Error::Config {
                setting: "assign".to_owned(),
                value: format!("{direct} of {} topics", topics.len()),
                reason: "is for all topics of a client or none, and not for patterns".to_owned(),
            });
        }
        for (index, topic) in topics.iter().enumerate() {
            match (&topic.name, &topic.pattern) {
                (Some(name), None) => {
                    table.names.insert(name.clone(), index);
                }
                (None, Some(pattern)) if pattern.starts_with('^') => {
                    let regex = Regex::new(pattern).map_err(|error| Error::Config {
                        setting: "topic pattern".to_owned(),
                        value: pattern.clone(),
                        reason: error.to_string(),
                    })?;
                    table.patterns.push((regex, index));
                }
                (name, pattern) => {
                    return Err(Error::Config {
                        setting: "topic".to_owned(),
                        value: format!("{name:?} {pattern:?}"),
                        reason: "needs either a name or a pattern that starts with ^".to_owned(),
                    })
                }
            }
            if topic.parallel.as_ref().is_some_and(|parallel| parallel.limit == 0) {
                return Err(Error::Config {
                    setting: "parallel limit".to_owned(),
                    value: "0".to_owned(),
                    reason: "must be at least 1".to_owned(),
                });
            }
            if topic.max_messages == 0 || topic.max_bytes == 0 || topic.priority == 0 {
                return Err(Error::Config {
                    setting: "max_messages, max_bytes, priority".to_owned(),
                    value: format!("{}, {}, {}", topic.max_messages, topic.max_bytes, topic.priority),
                    reason: "must be at least 1".to_owned(),
                });
            }
        }
        Ok(table)
    }

    pub fn find(&self, topic: &str) -> Option<usize> {
        self.names.get(topic).copied().or_else(|| {
            self.patterns
                .iter()
                .find(|(regex, _)| regex.is_match(topic))
                .map(|(_, index)| *index)
        })
    }
}

impl GroupConfig {
    /// What to subscribe to, in librdkafka's notation.
    pub fn subscription(&self) -> Vec<&str> {
        self.topics
            .iter()
            .filter_map(|topic| topic.name.as_deref().or(topic.pattern.as_deref()))
            .collect()
    }

    /// Its topics are taken as they are, no group shares them out. All of them or none, see `TopicTable`.
    pub fn is_direct(&self) -> bool {
        self.topics.iter().any(|topic| topic.assign.is_some())
    }

    /// How often to look for new partitions of topics that are assigned directly.
    pub fn metadata_interval(&self) -> Duration {
        let given = self.kafka.get("topic.metadata.refresh.interval.ms");
        let given = given.and_then(|text| text.parse().ok()).filter(|given| *given > 0);
        Duration::from_millis(given.unwrap_or(300_000))
    }

    /// Milliseconds between asynchronous commits.
    pub fn commit_interval(&self) -> Duration {
        let given = self
            .kafka
            .get("auto.commit.interval.ms")
            .and_then(|text| text.parse().ok());
        Duration::from_millis(given.unwrap_or(5_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: Option<&str>, pattern: Option<&str>) -> TopicConfig {
        TopicConfig {
            name: name.map(str::to_owned),
            pattern: pattern.map(str::to_owned),
            ..TopicConfig::default()
        }
    }

    #[test]
    fn a_name_wins_over_a_pattern() {
        let topics = [topic(None, Some("^aud")), topic(Some("audit"), None)];
        let table = TopicTable::new(&topics).expect("valid");
        assert_eq!(table.find("audit"), Some(1));
        assert_eq!(table.find("audio"), Some(0));
        assert_eq!(table.find("other"), None);
    }

    #[test]
    fn a_topic_needs_a_name_or_a_pattern() {
        assert!(TopicTable::new(&[topic(None, None)]).is_err());
        assert!(TopicTable::new(&[topic(None, Some("aud"))]).is_err());
        assert!(TopicTable::new(&[topic(None, Some("^("))]).is_err());
    }

    #[test]
    fn back_off_doubles_up_to_the_limit() {
        let topic = topic(Some("t"), None);
        let waits: Vec<u64> = [1, 2, 3, 6, 400]
            .iter()
            .map(|n| topic.backoff(*n).as_millis() as u64)
            .collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 30_000, 30_000]);
    }
}
