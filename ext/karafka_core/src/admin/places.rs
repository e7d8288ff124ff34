//! What a reader is to read.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::filter::Filter;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderConfig {
    /// Complete librdkafka settings of a consumer.
    pub kafka: BTreeMap<String, String>,
    pub places: Vec<Place>,
    /// What is taken at once.
    pub max_messages: usize,
    pub only: Option<Filter>,
    /// Waiting for longer than this is an error. None: it may take any time until more comes.
    pub limit_ms: Option<u64>,
}

/// A range of one partition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub topic: String,
    pub partition: i32,
    pub from: i64,
    /// Behind the last one. None: it goes on when the end is reached.
    pub to: Option<i64>,
}
