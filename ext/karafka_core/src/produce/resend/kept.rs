//! A message that is sent again.

use std::ffi::c_void;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::{Place, Tried};
use crate::error::codes;
use crate::produce::client::{Parts, ProducerClient, TopicHandle};
use crate::produce::refused::{close_timestamps, record_size_of, timestamp_of, Message};

/// How much longer than the shortest the distances of timestamp and offset from the first message's are, within a minute and a batch
/// of a million messages, and anywhere.
const SLACK_BYTES: usize = 4;
const FAR_SLACK_BYTES: usize = 11;

/// What decides whether a topic takes a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    /// Bytes in a batch, at least.
    pub size: usize,
    /// How many more these may be.
    pub slack: usize,
    pub has_key: bool,
    /// Milliseconds since 1970; 0: none.
    pub timestamp_ms: i64,
}

/// A copy of a message, in place of the one that librdkafka frees with the report.
pub(in crate::produce) struct Kept {
    pub(super) topic: TopicHandle,
    pub(super) partition: i32,
    pub(super) payload: Option<Box<[u8]>>,
    pub(super) key: Option<Box<[u8]>>,
    /// Ours, or null.
    pub(super) headers: *mut sys::rd_kafka_headers_t,
    pub(super) opaque: *mut c_void,
    pub(super) traits: Traits,
    pub(super) tried: Tried,
    /// The batch of which it was an innocent part; None: its batch was too large, perhaps.
    pub(super) group: Option<u64>,
}

// SAFETY: the pointers belong to this message alone, or are good in any thread (the topic and the token).
unsafe impl Send for Kept {}

impl Kept {
    /// # Safety
    /// `message` is alive, in a delivery report event of this process, and nobody else looks at its headers from now on.
    pub unsafe fn new(message: Message, tried: Tried) -> Self {
        let mut headers = std::ptr::null_mut();
        // SAFETY: by the contract. Headers that are detached are ours.
        unsafe {
            let timestamp_ms = timestamp_of(message);
            let is_close = timestamp_ms <= 0 || close_timestamps().contains(&timestamp_ms);
            let traits = Traits {
                size: record_size_of(message),
                slack: if is_close { SLACK_BYTES } else { FAR_SLACK_BYTES },
                has_key: !(*message).key.is_null(),
                timestamp_ms,
            };
            let bytes = |at: *const c_void, len: usize| {
                (!at.is_null()).then(|| std::slice::from_raw_parts(at.cast::<u8>(), len).into())
            };
            if sys::rd_kafka_message_detach_headers(message.cast_mut(), &mut headers)
                != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                headers = std::ptr::null_mut();
            }
            Kept {
                topic: TopicHandle::of(message),
                partition: (*message).partition,
                payload: bytes((*message).payload, (*message).len),
                key: bytes((*message).key, (*message).key_len),
                headers,
                opaque: (*message)._private,
                traits,
                tried,
                group: tried.group,
            }
        }
    }

    pub fn opaque(&self) -> *mut c_void {
        self.opaque
    }

    pub fn topic_name(&self) -> String {
        self.topic.name()
    }

    pub fn partition(&self) -> i32 {
        self.partition
    }

    pub(super) fn place(&self) -> Place {
        (self.topic.address(), self.partition)
    }

    pub(super) fn send(&mut self, client: &ProducerClient) -> i32 {
        let code = client.produce_parts(&Parts {
            topic: self.topic,
            partition: self.partition,
            payload: self.payload.as_deref(),
            key: self.key.as_deref(),
            headers: self.headers,
            timestamp_ms: self.traits.timestamp_ms,
            opaque: self.opaque,
        });
        if code == codes::NO_ERROR {
            self.headers = std::ptr::null_mut();
        }
        code
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.headers.is_null() {
            // SAFETY: ours, and given back once.
            unsafe { sys::rd_kafka_headers_destroy(self.headers) };
        }
    }
}
