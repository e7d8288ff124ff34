//! What the client fetches of a partition, and from where on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::ConsumerClient;
use crate::error::c_string;
use crate::error::{Error, KafkaError, Result};
use crate::kafka::fetch_queue::FetchQueue;
use crate::kafka::ffi::{error_result, PartitionList, Queue};

impl ConsumerClient {
    /// From this many queued messages on nothing more is fetched of a partition; 0: of none. With `one_batch` an answer holds one
    /// batch of one partition.
    pub fn limit_fetches(&self, threshold: usize, one_batch: bool) {
        if let Some(limits) = &self.fetch_limits {
            limits.set_threshold(threshold);
            limits.set_one_batch(one_batch);
        }
    }

    /// Has librdkafka's broker threads look at once what there is to fetch. It pauses all partitions of a group while it waits for
    /// the answer to a rebalance, also those that stay. Where an answer of a broker comes in between, its thread finds nothing to
    /// fetch and sleeps for up to a second (`rd_kafka_max_block_ms`): resuming wakes nobody. Of what the library offers only new
    /// credentials wake all of these threads, so they get those that they have.
    pub fn wake_fetchers(&self) {
        if self.closing.load(Ordering::Relaxed) {
            return;
        }
        // Answered by the thread that resumes the partitions, after it has done so.
        self.is_cooperative();
        let (username, password) = &self.credentials;
        // SAFETY: a living client; both texts are copied.
        unsafe {
            let error = sys::rd_kafka_sasl_set_credentials(self.ptr(), username.as_ptr(), password.as_ptr());
            if !error.is_null() {
                // Neither text is null; it has no other reason to refuse.
                sys::rd_kafka_error_destroy(error);
            }
        }
    }

    /// The queue of one partition, cut off from the main queue. Call it before the partition is assigned:
    /// librdkafka keeps the cut, so no message ever takes the main queue.
    pub fn split_partition(&self, topic: &str, partition: i32) -> Result<FetchQueue> {
        let name = c_string("topic", topic)?;
        let missing = || Error::Kafka {
            operation: "opening a partition",
            source: Box::new(
                KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION).at(topic, partition),
            ),
        };
        // SAFETY: a living client; the handles are ours.
        unsafe {
            let queue = sys::rd_kafka_queue_get_partition(self.ptr(), name.as_ptr(), partition);
            let queue = Queue::from_ptr(queue).ok_or_else(missing)?;
            sys::rd_kafka_queue_forward(queue.as_ptr(), std::ptr::null_mut());
            Ok(FetchQueue::new(queue))
        }
    }

    /// Moves the fetch position; what was fetched before is dropped by librdkafka.
    pub fn seek(&self, topic: &str, partition: i32, offset: i64, timeout: Duration) -> Result<()> {
        let mut list = PartitionList::with_capacity(1);
        list.add(topic, partition, offset)?;
        // SAFETY: a living client; the list is ours and gets the results.
        unsafe {
            let timeout_ms = timeout.as_millis() as i32;
            error_result(
                "seeking",
                sys::rd_kafka_seek_partitions(self.ptr(), list.as_ptr(), timeout_ms),
            )?;
        }
        match list.rows().into_iter().find_map(|row| row.error) {
            Some(source) => Err(Error::Kafka {
                operation: "seeking",
                source: Box::new(source),
            }),
            None => Ok(()),
        }
    }
}
