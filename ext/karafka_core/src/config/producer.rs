//! The settings of one producer.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProducerConfig {
    /// Complete librdkafka settings.
    pub kafka: BTreeMap<String, String>,
    /// Largest payload, in bytes.
    pub max_payload_size: usize,
    /// Where the broker refuses a batch because of some of its messages the others are sent again. false: they fail, too.
    pub resend: bool,
    /// After this long without a message the connections are given up. None: never.
    pub idle_ms: Option<u64>,
    /// When a client that has failed for good is replaced. None: never.
    pub reload: Option<ReloadConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReloadConfig {
    /// How many times in a row, with no message delivered in between.
    pub attempts: u32,
    /// Before each attempt but the first.
    pub backoff_ms: u64,
    /// librdkafka's names of errors that are left as they are, besides those of fencing.
    pub except: Vec<String>,
    /// This long the next client waits until the host has passed the event on, as it may change the settings then.
    pub hearing_ms: u64,
}
