//! What the host decides about the answers.

use std::collections::BTreeMap;

use serde::Deserialize;

/// It sets everything; what `Default` gives is for tests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObserverConfig {
    /// None: no TCP. 0: any that is free.
    pub port: Option<u16>,
    pub bind: String,
    /// A Unix socket.
    pub socket: Option<String>,
    /// Without it nobody gets metrics or state.
    pub token: Option<String>,
    /// Not ready while a topic has a larger lag.
    pub ready_lag: Option<i64>,
    /// Not alive when a poll thread has not come round for this long.
    pub polling_ttl_ms: u64,
    /// Not alive when a batch takes longer. None: the limit of its topic alone counts.
    pub consuming_ttl_ms: Option<u64>,
    /// Not alive when the host has not taken its events for this long.
    pub events_ttl_ms: u64,
    /// Metrics of each partition.
    pub partition_metrics: bool,
    /// The host has metrics of the application: text in the format 0.0.4, so nothing else is spoken.
    pub app_metrics: bool,
    /// Of the process: id, host and the like.
    pub process: BTreeMap<String, String>,
    pub versions: BTreeMap<String, String>,
}

impl Default for ObserverConfig {
    fn default() -> Self {
        ObserverConfig {
            port: Some(0),
            bind: "127.0.0.1".to_owned(),
            socket: None,
            token: None,
            ready_lag: None,
            polling_ttl_ms: 60_000,
            consuming_ttl_ms: None,
            events_ttl_ms: 300_000,
            partition_metrics: true,
            app_metrics: false,
            process: BTreeMap::new(),
            versions: BTreeMap::new(),
        }
    }
}
