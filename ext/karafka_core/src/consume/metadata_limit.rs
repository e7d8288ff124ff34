//! How much may be committed beside an offset. A broker says no more than that something was too large, so the limit is
//! found by trying: an offset whose metadata is refused is not committed at all, and that would be worse than messages
//! that come again.

use std::sync::atomic::{AtomicUsize, Ordering};

use rdkafka::types::RDKafkaRespErr;

use crate::consume::commit_metadata::MAX_BYTES;
use crate::error::KafkaError;

/// Below this nothing is sent beside the offset: few messages could be noted.
const LEAST_BYTES: usize = 64;

#[derive(Debug)]
pub struct MetadataLimit(AtomicUsize);

impl Default for MetadataLimit {
    fn default() -> Self {
        MetadataLimit(AtomicUsize::new(MAX_BYTES))
    }
}

impl MetadataLimit {
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// True where a commit was refused for its metadata and the next one will have less of it.
    pub fn learn(&self, group: &str, refusal: &KafkaError) -> bool {
        if refusal.number != RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE as i32 {
            return false;
        }
        let before = self.bytes();
        let bytes = if before / 4 < LEAST_BYTES { 0 } else { before / 4 };
        self.0.store(bytes, Ordering::Relaxed);
        if before > 0 {
            tracing::warn!(
                group,
                "the broker takes less than {before} bytes beside an offset (offset.metadata.max.bytes); from now on \
                 {bytes} at most. Finished messages that do not fit may be delivered again after a crash or a rebalance, \
                 and a longer text of yours is not committed"
            );
        }
        before > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_lowers_it_until_nothing_is_left_and_no_other_error_does() {
        let limit = MetadataLimit::default();
        let other = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
        assert!(!limit.learn("g", &other) && limit.bytes() == MAX_BYTES);
        let refusal = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
        let found: Vec<usize> = std::iter::from_fn(|| limit.learn("g", &refusal).then(|| limit.bytes())).collect();
        assert_eq!(found, [1_024, 256, 64, 0]);
    }
}
