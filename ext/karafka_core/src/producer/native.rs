//! The librdkafka client of a producer, with its topic handles and its event queue.

mod send;
mod transactions;

pub(super) use transactions::Refusal;

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, CString};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::types::{RDKafkaRespErr, RDKafkaType};

use super::messages::{Topic, ANY_PARTITION};
use super::partitions::Partitioner;
use crate::error::{Error, KafkaError, Result};
use crate::{creation, resolver};

/// Events besides logs, which come without being asked for.
const EVENTS: i32 = sys::RD_KAFKA_EVENT_DR | sys::RD_KAFKA_EVENT_ERROR | sys::RD_KAFKA_EVENT_STATS;

pub(super) struct Native {
    // Dropped by hand, after the topics and the queue that belong to it.
    client: std::mem::ManuallyDrop<Client<DefaultClientContext>>,
    queue: *mut sys::rd_kafka_queue_t,
    topics: RwLock<HashMap<CString, TopicHandle>>,
    partitioner: Partitioner,
    /// Which of the producer's clients this is.
    generation: u64,
    /// Why it was given up: the words for messages that went with it.
    epitaph: OnceLock<String>,
}

/// Fatal errors that a test can ask for.
#[derive(Debug, Clone, Copy)]
pub enum FatalError {
    OutOfOrder,
    Fenced,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct TopicHandle(*mut sys::rd_kafka_topic_t);

// SAFETY: librdkafka's handles may be used from any thread; the pointers live as long as the client.
unsafe impl Send for TopicHandle {}
// SAFETY: as above.
unsafe impl Sync for TopicHandle {}
// SAFETY: as above.
unsafe impl Send for Native {}
// SAFETY: as above.
unsafe impl Sync for Native {}

impl Native {
    /// Creates the client: librdkafka starts its threads and begins to connect.
    pub fn new(config: &ClientConfig, settings: &BTreeMap<String, String>, generation: u64) -> Result<Self> {
        let mut config = config.clone();
        // The crate sets a level of its own over the configuration's `log_level`; 6 is librdkafka's default.
        config.set_log_level(log_level(settings.get("log_level").map_or("6", String::as_str)));
        let native_config = config
            .create_native_config()
            .map_err(|error| creation::refused(&error, settings))?;
        resolver::install(&native_config);
        let conf = native_config.ptr();
        // SAFETY: the configuration is alive and not yet in use.
        unsafe { sys::rd_kafka_conf_set_events(conf, EVENTS) };
        let partitioner = Partitioner::named(&native_config.get("partitioner").unwrap_or_default());
        let client = creation::create(&config, native_config, RDKafkaType::RD_KAFKA_PRODUCER, settings)?;
        // SAFETY: the client is alive; the queue is given back in `drop`.
        let queue = unsafe { sys::rd_kafka_queue_get_main(client.native_ptr()) };
        Ok(Native {
            client: std::mem::ManuallyDrop::new(client),
            queue,
            topics: RwLock::new(HashMap::new()),
            partitioner,
            generation,
            epitaph: OnceLock::new(),
        })
    }

    pub fn rk(&self) -> *mut sys::rd_kafka_t {
        self.client.native_ptr()
    }

    pub fn queue(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn set_epitaph(&self, words: String) {
        let _ = self.epitaph.set(words);
    }

    pub fn epitaph(&self) -> Option<&str> {
        self.epitaph.get().map(String::as_str)
    }

    /// Messages without a report that was read, or other events.
    pub fn has_messages(&self) -> bool {
        self.queue_len() > 0
    }

    /// How many of them.
    pub fn queue_len(&self) -> usize {
        // SAFETY: the client is alive.
        usize::try_from(unsafe { sys::rd_kafka_outq_len(self.rk()) }).unwrap_or(0)
    }

    /// It takes no message any more.
    pub fn has_failed(&self) -> bool {
        self.explain(RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL).number != RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL as i32
    }

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
        if let Some(known) = self.topics.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(*known);
        }
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
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
    pub fn ask_partition_count(&self, topic: &CStr, timeout: Duration) -> std::result::Result<i32, RDKafkaRespErr> {
        let topic = self.topic(topic).map_err(|_| last_error())?;
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
        // SAFETY: client and topic are alive; librdkafka hands over a metadata object where it succeeds, which has as
        // many topics as it says and is given back once.
        unsafe {
            let code = sys::rd_kafka_metadata(self.rk(), 0, topic.0, &mut metadata, timeout);
            if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(code);
            }
            let found = if (*metadata).topic_cnt > 0 {
                let topic = &*(*metadata).topics;
                (topic.err, topic.partition_cnt)
            } else {
                (RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 0)
            };
            sys::rd_kafka_metadata_destroy(metadata);
            match found {
                (RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR, count) if count > 0 => Ok(count),
                (RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR, _) => {
                    Err(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
                }
                (code, _) => Err(code),
            }
        }
    }

    /// The error behind a code: for librdkafka's envelope of fatal errors that is the one inside.
    pub fn explain(&self, code: RDKafkaRespErr) -> KafkaError {
        if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL {
            return KafkaError::from_code(code);
        }
        let mut text = [0 as libc::c_char; 512];
        // SAFETY: the client is alive; librdkafka writes a NUL-terminated text that fits.
        let (inside, text) = unsafe {
            let inside = sys::rd_kafka_fatal_error(self.rk(), text.as_mut_ptr(), text.len());
            (inside, CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned())
        };
        if inside == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return KafkaError::from_code(code);
        }
        let mut error = KafkaError::from_code(inside).with_message(text);
        error.fatal = true;
        error
    }

    /// Waits until nothing is queued or under way. Lets no message linger meanwhile.
    pub fn flush(&self, timeout: Duration) -> bool {
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the client is alive.
        let code = unsafe { sys::rd_kafka_flush(self.rk(), timeout) };
        code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// Gives up all messages, sent or not; their reports come as for any other failure.
    pub fn purge(&self) {
        let flags = sys::RD_KAFKA_PURGE_F_QUEUE | sys::RD_KAFKA_PURGE_F_INFLIGHT | sys::RD_KAFKA_PURGE_F_NON_BLOCKING;
        // SAFETY: the client is alive.
        unsafe { sys::rd_kafka_purge(self.rk(), flags) };
    }

    pub fn inject_fatal_error(&self, error: FatalError, reason: &CStr) {
        let code = match error {
            FatalError::OutOfOrder => RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
            FatalError::Fenced => RDKafkaRespErr::RD_KAFKA_RESP_ERR__FENCED,
        };
        // SAFETY: the client is alive, the reason is copied.
        unsafe { sys::rd_kafka_test_fatal_error(self.rk(), code, reason.as_ptr()) };
    }

    /// Makes the report thread return from its poll.
    pub fn interrupt_poll(&self) {
        // SAFETY: the queue is alive.
        unsafe { sys::rd_kafka_queue_yield(self.queue) };
    }
}

impl Drop for Native {
    /// May block while librdkafka's threads end: only the report thread drops this.
    fn drop(&mut self) {
        let topics = std::mem::take(&mut *self.topics.write().unwrap_or_else(PoisonError::into_inner));
        // SAFETY: each handle is given back once, before the client, and nobody else holds one any more.
        unsafe {
            for handle in topics.into_values() {
                sys::rd_kafka_topic_destroy(handle.0);
            }
            sys::rd_kafka_queue_destroy(self.queue);
            std::mem::ManuallyDrop::drop(&mut self.client);
        }
    }
}

fn last_error() -> RDKafkaRespErr {
    // SAFETY: reads a thread-local of librdkafka's.
    unsafe { sys::rd_kafka_last_error() }
}

fn log_level(value: &str) -> RDKafkaLogLevel {
    match value {
        "0" => RDKafkaLogLevel::Emerg,
        "1" => RDKafkaLogLevel::Alert,
        "2" => RDKafkaLogLevel::Critical,
        "3" => RDKafkaLogLevel::Error,
        "4" => RDKafkaLogLevel::Warning,
        "5" => RDKafkaLogLevel::Notice,
        "7" => RDKafkaLogLevel::Debug,
        _ => RDKafkaLogLevel::Info,
    }
}
