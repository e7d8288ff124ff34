//! How many partitions a topic has, and which of them a partition key belongs to.

use std::collections::HashMap;
use std::ffi::c_void;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;

use crate::base::sync::Mutex;
use crate::error::{Error, KafkaError, Result};

/// A count is believed this long; it may also shrink, where a topic was deleted and made again.
const KEEP: Duration = Duration::from_secs(30);
/// A failed look-up is believed this long, or each message to an unknown topic would ask the broker.
const KEEP_FAILURE: Duration = Duration::from_secs(1);

pub(super) type Answer = std::result::Result<i32, KafkaError>;

#[derive(Default)]
pub(super) struct Partitions {
    known: Mutex<HashMap<String, (Instant, Answer)>>,
}

impl Partitions {
    /// The count, or the failure, that is still believed.
    pub fn known(&self, topic: &str, now: Instant) -> Result<Option<i32>> {
        let known = self.known.lock();
        match known.get(topic) {
            Some((at, answer)) => {
                let keep = if answer.is_ok() { KEEP } else { KEEP_FAILURE };
                let fresh = now.saturating_duration_since(*at) < keep;
                fresh.then(|| lift(answer.clone())).transpose()
            }
            None => Ok(None),
        }
    }

    pub fn learn(&self, topic: &str, now: Instant, answer: Answer) -> Result<i32> {
        let mut known = self.known.lock();
        known.insert(topic.to_owned(), (now, answer.clone()));
        lift(answer)
    }
}

fn lift(answer: Answer) -> Result<i32> {
    answer.map_err(|source| Error::Kafka {
        operation: "counting partitions",
        source: Box::new(source),
    })
}

type Function =
    unsafe extern "C" fn(*const sys::rd_kafka_topic_t, *const c_void, usize, i32, *mut c_void, *mut c_void) -> i32;

/// librdkafka's own functions, so that a partition key lands where the same bytes as a key would.
pub(super) struct Partitioner(Function);

impl Partitioner {
    /// By the value of the setting `partitioner`. A key is always there, so the `_random` forms (which differ for
    /// messages without a key only) are not told apart.
    pub fn named(name: &str) -> Self {
        Partitioner(match name {
            "random" => sys::rd_kafka_msg_partitioner_random,
            "murmur2" | "murmur2_random" => sys::rd_kafka_msg_partitioner_murmur2,
            "fnv1a" | "fnv1a_random" => sys::rd_kafka_msg_partitioner_fnv1a,
            _ => sys::rd_kafka_msg_partitioner_consistent,
        })
    }

    pub fn partition(&self, topic: *const sys::rd_kafka_topic_t, key: &[u8], count: i32) -> i32 {
        // SAFETY: these functions hash the bytes and look at nothing else, but for `random`, which may ask the
        // topic (alive, given by the caller) which partitions have a leader.
        unsafe {
            (self.0)(
                topic,
                key.as_ptr().cast(),
                key.len(),
                count,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        }
    }
}

/// Partition of a key among `count`, asking no broker. `random` may give any, so it gives the first.
pub fn partition_of_key(partitioner: &str, key: &[u8], count: i32) -> i32 {
    if count < 1 || partitioner == "random" {
        return 0;
    }
    Partitioner::named(partitioner).partition(std::ptr::null(), key, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(name: &str, key: &[u8], count: i32) -> i32 {
        Partitioner::named(name).partition(std::ptr::null(), key, count)
    }

    #[test]
    fn murmur2_agrees_with_javas_known_values() {
        // From the test of org.apache.kafka.common.utils.Utils.murmur2.
        for (key, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
        ] {
            assert_eq!(
                partition("murmur2", key.as_bytes(), 1000),
                (hash & 0x7fff_ffff) % 1000,
                "{key}"
            );
        }
    }

    #[test]
    fn consistent_is_crc32() {
        // CRC-32 of "123456789" is the check value of the algorithm: 0xcbf43926.
        assert_eq!(
            partition("consistent_random", b"123456789", 1000),
            (0xcbf4_3926_u32 % 1000) as i32
        );
    }

    #[test]
    fn a_partition_without_a_broker_is_in_range() {
        for partitioner in ["random", "consistent", "consistent_random", "murmur2_random", "fnv1a"] {
            for count in [-1, 0, 1, 7] {
                let partition = partition_of_key(partitioner, b"key", count);
                assert!(
                    partition == 0 || (1..count).contains(&partition),
                    "{partitioner} {count}"
                );
            }
        }
    }

    #[test]
    fn a_count_is_believed_for_a_while_and_a_failure_for_less() {
        let partitions = Partitions::default();
        let start = Instant::now();
        let known = |topic, at| partitions.known(topic, at);
        assert_eq!(known("t", start).unwrap(), None);
        assert_eq!(partitions.learn("t", start, Ok(4)).unwrap(), 4);
        assert_eq!(known("t", start + KEEP / 2).unwrap(), Some(4));
        assert_eq!(known("t", start + KEEP).unwrap(), None);
        let failure = KafkaError::from_code(rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT);
        assert!(partitions.learn("u", start, Err(failure)).is_err());
        assert!(known("u", start).is_err());
        assert_eq!(known("u", start + KEEP_FAILURE).unwrap(), None);
    }
}
