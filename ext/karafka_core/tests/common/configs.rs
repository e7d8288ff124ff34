//! Settings with short times, for an engine and its topics.

use karafka_core::config::{EngineConfig, GroupConfig, TopicConfig};

pub fn topic_config(name: &str) -> TopicConfig {
    TopicConfig {
        name: Some(name.to_owned()),
        pause_timeout_ms: 50,
        pause_max_timeout_ms: 400,
        ..TopicConfig::default()
    }
}

/// What a batch that is not full waits, where a test needs whole ones.
pub const WHOLE_BATCH_MS: u64 = 1_500;

/// For tests that need a batch of exactly `count`: fetching may bring the first message alone.
pub fn whole_batches(name: &str, count: usize) -> TopicConfig {
    TopicConfig {
        max_messages: count,
        max_wait_time_ms: WHOLE_BATCH_MS,
        ..topic_config(name)
    }
}

pub fn engine_config(groups: Vec<GroupConfig>) -> EngineConfig {
    EngineConfig {
        revocation_grace_ms: 2_000,
        groups,
        ..EngineConfig::default()
    }
}

/// KIP-848, the protocol of groups in which the broker assigns. It refuses what is taken away here.
pub const KIP_848: [(&str, &str); 3] = [
    ("group.protocol", "consumer"),
    ("session.timeout.ms", ""),
    ("heartbeat.interval.ms", ""),
];

/// Those that are short for tests are librdkafka's own again.
pub const LIBRDKAFKAS_TIMES: [(&str, &str); 4] = [
    ("fetch.wait.max.ms", ""),
    ("heartbeat.interval.ms", ""),
    ("session.timeout.ms", ""),
    ("auto.commit.interval.ms", ""),
];

/// The group with other settings of librdkafka; an empty one is taken away.
pub fn with(mut group: GroupConfig, settings: &[(&str, &str)]) -> GroupConfig {
    for (key, value) in settings {
        match value.is_empty() {
            true => group.kafka.remove(*key),
            false => group.kafka.insert((*key).into(), (*value).into()),
        };
    }
    group
}
