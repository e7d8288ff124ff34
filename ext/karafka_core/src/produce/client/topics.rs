//! The handles of a client's topics, and how many partitions a topic has.

use std::ffi::CStr;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::{last_error, ProducerClient};
use crate::error::codes;
use crate::error::{Error, Result};
use crate::produce::messages::{Topic, ANY_PARTITION};

const NO_TOPIC: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART as i32;

#[derive(Debug, Clone, Copy)]
pub(in crate::produce) struct TopicHandle(pub(super) *mut sys::rd_kafka_topic_t);

// SAFETY: librdkafka's handles may be used from any thread; the pointers live as long as the client.
unsafe impl Send for TopicHandle {}
// SAFETY: as above.
unsafe impl Sync for TopicHandle {}

impl TopicHandle {
    /// # Safety
    /// `message` is alive and was sent through a client of ours, which keeps its handles as long as it lives.
    pub unsafe fn of(message: *const sys::rd_kafka_message_t) -> Self {
        // SAFETY: by the contract.
        TopicHandle(unsafe { (*message).rkt })
    }

    #[cfg(test)]
    pub fn none() -> Self {
        TopicHandle(std::ptr::null_mut())
    }

    pub fn name(self) -> String {
        // SAFETY: the handle is alive, and so is its name.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.0)) };
        name.to_string_lossy().into_owned()
    }

    pub fn address(self) -> usize {
        self.0 as usize
    }
}

impl ProducerClient {
    /// Nothing is remembered for another client than this.
    pub fn knows(&self, topic: &Topic) -> bool {
        topic
            .handle
            .get()
            .is_none_or(|(generation, _)| *generation == self.generation)
    }

    pub fn handle(&self, topic: &Topic) -> Result<TopicHandle> {
        match topic.handle.get() {
            Some((generation, known)) if *generation == self.generation => Ok(*known),
            // Remembered for a client that is gone: this call began with that one.
            Some(_) => self.topic(topic.name()),
            None => {
                let handle = self.topic(topic.name())?;
                let _ = topic.handle.set((self.generation, handle));
                Ok(handle)
            }
        }
    }

    fn topic(&self, name: &CStr) -> Result<TopicHandle> {
        if let Some(known) = self.topics.read().get(name) {
            return Ok(*known);
        }
        let mut topics = self.topics.write();
        if let Some(known) = topics.get(name) {
            return Ok(*known);
        }
        // SAFETY: the client is alive, the name ends with NUL; no topic configuration.
        let handle = unsafe { sys::rd_kafka_topic_new(self.rk(), name.as_ptr(), std::ptr::null_mut()) };
        if handle.is_null() {
            let source = self.explain(last_error()).at(&name.to_string_lossy(), ANY_PARTITION);
            return Err(Error::Kafka {
                operation: "opening a topic",
                source: Box::new(source),
            });
        }
        topics.insert(name.to_owned(), TopicHandle(handle));
        Ok(TopicHandle(handle))
    }

    /// Partition that a partition key belongs to, where the topic has `count`.
    pub fn partition_for(&self, topic: &Topic, key: &[u8], count: i32) -> Result<i32> {
        Ok(self.partitioner.partition(self.handle(topic)?.0, key, count))
    }

    /// Asks a broker. Blocks for up to `timeout`.
    pub fn ask_partition_count(&self, topic: &CStr, timeout: Duration) -> std::result::Result<i32, i32> {
        let topic = self.topic(topic).map_err(|_| last_error())?;
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
        // SAFETY: client and topic are alive; librdkafka hands over a metadata object where it succeeds, which has as
        // many topics as it says and is given back once.
        unsafe {
            let code = codes::raw::rd_kafka_metadata(self.rk(), 0, topic.0, &mut metadata, timeout);
            if code != codes::NO_ERROR {
                return Err(code);
            }
            let found = if (*metadata).topic_cnt > 0 {
                let topic = (*metadata).topics;
                (codes::read(&raw const (*topic).err), (*topic).partition_cnt)
            } else {
                (NO_TOPIC, 0)
            };
            sys::rd_kafka_metadata_destroy(metadata);
            match found {
                (codes::NO_ERROR, count) if count > 0 => Ok(count),
                (codes::NO_ERROR, _) => Err(NO_TOPIC),
                (code, _) => Err(code),
            }
        }
    }
}
