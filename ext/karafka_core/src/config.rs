//! What the host decides before anything starts. It sets everything: a name that is missing or unknown here is refused, and what
//! `Default` gives is for tests.

mod beginning;
mod producer;
mod selection;

pub use beginning::{InitialOffset, OnRecreated};
pub use producer::{ProducerConfig, ReloadConfig};
pub use selection::SelectionConfig;

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::filter::throttle::ThrottleConfig;

const DEFAULT_PRIORITY: u32 = 10;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// How long a revocation waits for leases that are still out, so that their work can be committed.
    pub revocation_grace_ms: u64,
    /// After this long a lease that is still out is reported; again after twice the time, and so on. None: never.
    pub stuck_report_ms: Option<u64>,
    /// About so much is fetched ahead at most, by all groups together. None: only librdkafka's limits hold.
    pub max_queued_bytes: Option<usize>,
    pub groups: Vec<GroupConfig>,
    /// Topics refer to them by their place.
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
#[serde(deny_unknown_fields)]
pub struct GroupConfig {
    pub id: String,
    /// Complete librdkafka settings.
    pub kafka: BTreeMap<String, String>,
    pub topics: Vec<TopicConfig>,
    /// How often offsets that did not change are committed again, before they expire. None: never.
    pub recommit_interval_ms: Option<u64>,
    /// With the initial offset "latest": partitions and topics that come later begin at their end, too.
    pub skip_new_partitions: bool,
    /// A topic of the routes that is missing is an error after this time; again after twice the time, and so on. None: never.
    pub missing_error_after_ms: Option<u64>,
    /// One of several clients for the same topics, whose number changes. None: it runs from start to stop.
    pub multiplexing: Option<MultiplexingConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiplexingConfig {
    /// The name that those which belong together have in common.
    pub set: String,
    /// Which of them this is, from 0.
    pub place: usize,
    pub min: usize,
    pub max: usize,
    /// The number that runs at the start.
    pub boot: usize,
    /// A change takes place after this long at least.
    pub delay_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// Hand out an `idle` lease when nothing came for this long after a batch. None: never.
    pub idle_after_ms: Option<u64>,
    /// A lease that is out for longer makes this process leave the group. None: no limit.
    pub long_running_limit_ms: Option<u64>,
    /// How often its partitions get a worker while there are more of them than workers, relative to other topics.
    pub priority: u32,
    /// These partitions (none: all there are) without sharing them in the group. None: the group assigns.
    pub assign: Option<Vec<i32>>,
    pub on_recreated: OnRecreated,
    /// A message that was marked begins the count of attempts anew, within a batch too.
    pub attempts_per_message: bool,
    /// None: one lease of a partition at a time, in order.
    pub parallel: Option<ParallelConfig>,
}

/// How far the messages of one partition may be processed at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
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
            on_recreated: OnRecreated::default(),
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

    /// The routes have it by its name.
    pub fn is_named(&self, topic: &str) -> bool {
        self.names.contains_key(topic)
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

    /// Where a partition begins for which the group has committed nothing.
    pub fn initial_offset(&self) -> InitialOffset {
        match self.kafka.get("auto.offset.reset").map(String::as_str) {
            Some("earliest" | "smallest" | "beginning") => InitialOffset::Earliest,
            Some("error") => InitialOffset::Error,
            // Which is librdkafka's default.
            _ if self.skip_new_partitions => InitialOffset::LatestAlways,
            _ => InitialOffset::Latest,
        }
    }

    /// Messages of open transactions are not read.
    pub fn reads_committed_only(&self) -> bool {
        self.kafka
            .get("isolation.level")
            .is_none_or(|level| level == "read_committed")
    }

    /// How often to look for new partitions of topics that are assigned directly.
    pub fn metadata_interval(&self) -> Duration {
        let given = self.kafka.get("topic.metadata.refresh.interval.ms");
        let given = given.and_then(|text| text.parse().ok()).filter(|given| *given > 0);
        Duration::from_millis(given.unwrap_or(300_000))
    }

    /// How long a rebalance may be left unanswered.
    pub fn max_poll_interval(&self) -> Duration {
        let given = self
            .kafka
            .get("max.poll.interval.ms")
            .and_then(|text| text.parse().ok());
        Duration::from_millis(given.unwrap_or(300_000))
    }

    /// Between asynchronous commits; none where it is 0, as in librdkafka.
    pub fn commit_interval(&self) -> Option<Duration> {
        let given = self.kafka.get("auto.commit.interval.ms");
        let given = given.and_then(|text| text.parse().ok()).unwrap_or(5_000);
        (given > 0).then(|| Duration::from_millis(given))
    }
}

#[cfg(test)]
mod tests;
