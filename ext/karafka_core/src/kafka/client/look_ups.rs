//! Questions about topics and their logs.

use std::collections::HashSet;
use std::ffi::CStr;
use std::time::Duration;

use rdkafka::bindings as sys;

use super::ConsumerClient;
use crate::error::c_string;
use crate::error::codes;
use crate::error::{check_number, Error, KafkaError, Result};
use crate::event::PartitionRow;
use crate::kafka::ffi::PartitionList;

impl ConsumerClient {
    /// How many partitions a topic has; 0: it does not exist.
    pub fn partition_count(&self, topic: &str, timeout: Duration) -> Result<i32> {
        let metadata = self
            .client
            .fetch_metadata(Some(topic), timeout)
            .map_err(|error| Error::Kafka {
                operation: "looking up a topic",
                source: Box::new(KafkaError::internal(error.to_string())),
            })?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.map_or(0, |found| found.partitions().len() as i32))
    }

    /// The names of all topics.
    pub fn all_topics(&self, timeout: Duration) -> rdkafka::error::KafkaResult<HashSet<String>> {
        let metadata = self.client.fetch_metadata(None, timeout)?;
        Ok(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
    }

    /// The first offset at or after a time; None when everything is older.
    pub fn offset_for_time(&self, topic: &str, partition: i32, time_ms: i64, timeout: Duration) -> Result<Option<i64>> {
        let mut list = PartitionList::with_capacity(1);
        list.add(topic, partition, time_ms)?;
        // SAFETY: a living client; the list is ours and gets the results.
        check_number("looking up a time", unsafe {
            codes::raw::rd_kafka_offsets_for_times(self.ptr(), list.as_ptr(), timeout.as_millis() as i32)
        })?;
        match list.rows().into_iter().next() {
            Some(PartitionRow {
                error: Some(source), ..
            }) => Err(Error::Kafka {
                operation: "looking up a time",
                source: Box::new(source),
            }),
            Some(row) if row.offset >= 0 => Ok(Some(row.offset)),
            _ => Ok(None),
        }
    }

    /// The offset after the last message, asked of the leader. With `isolation.level` read_committed that of the last one
    /// that may be read.
    pub fn end_of_log(&self, topic: &str, partition: i32, timeout: Duration) -> Result<i64> {
        let name = c_string("topic", topic)?;
        let (mut low, mut high) = (-1i64, -1i64);
        // SAFETY: a living client; both out-parameters outlive the call.
        check_number("asking for the end of a partition", unsafe {
            let timeout_ms = timeout.as_millis() as i32;
            codes::raw::rd_kafka_query_watermark_offsets(
                self.ptr(),
                name.as_ptr(),
                partition,
                &mut low,
                &mut high,
                timeout_ms,
            )
        })?;
        Ok(high)
    }

    /// Where the log begins and ends, as last seen in a fetch; -1: not seen. No I/O.
    pub fn seen_of_log(&self, topic: &CStr, partition: i32) -> (i64, i64) {
        let (mut low, mut high) = (-1i64, -1i64);
        // SAFETY: a living client; both out-parameters outlive the call.
        unsafe { sys::rd_kafka_get_watermark_offsets(self.ptr(), topic.as_ptr(), partition, &mut low, &mut high) };
        (low.max(-1), high.max(-1))
    }

    /// The high watermark as last seen in a fetch; -1 when nothing was fetched yet. No I/O.
    pub fn high_watermark(&self, topic: &CStr, partition: i32) -> i64 {
        self.seen_of_log(topic, partition).1
    }
}
