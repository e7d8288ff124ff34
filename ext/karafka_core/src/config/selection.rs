//! Which messages of a topic are wanted, and when.

use serde::Deserialize;

use crate::filter::Filter;

/// The settings of one topic.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionConfig {
    /// Messages wait until they are so old; 0: they do not wait.
    pub delay_by_ms: u64,
    /// Messages that are older when they would be handed out are skipped. None: never.
    pub expire_after_ms: Option<u64>,
    /// Indexes into the engine's throttles. All of them hold.
    pub throttles: Vec<usize>,
    pub only: Option<Filter>,
}

impl SelectionConfig {
    pub(crate) fn is_plain(&self) -> bool {
        self.delay_by_ms == 0 && self.expire_after_ms.is_none() && self.throttles.is_empty()
    }

    /// A message without a timestamp (-1) never expires.
    pub(crate) fn is_expired(&self, timestamp_ms: i64, now_ms: i64) -> bool {
        self.expire_after_ms
            .is_some_and(|limit| timestamp_ms >= 0 && now_ms.saturating_sub(timestamp_ms) > in_ms(limit))
    }

    /// When a message may go out. One from the future counts as sent when it was received: a producer's wrong clock
    /// must not hold the partition for years.
    pub(crate) fn due_ms(&self, timestamp_ms: i64, received_at_ms: i64) -> i64 {
        if self.delay_by_ms == 0 || timestamp_ms < 0 {
            return i64::MIN;
        }
        timestamp_ms.min(received_at_ms).saturating_add(in_ms(self.delay_by_ms))
    }
}

fn in_ms(length: u64) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
