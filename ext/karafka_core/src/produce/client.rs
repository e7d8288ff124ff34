//! The librdkafka client of a producer, with its topic handles and its event queue.

mod cluster;
mod send;
mod topics;
mod transactions;

pub use cluster::AutoCreate;
pub(super) use send::Parts;
pub(super) use topics::TopicHandle;
pub(super) use transactions::{is_fence, Refusal};

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, CString};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::types::{RDKafkaRespErr, RDKafkaType};

use super::partitions::Partitioner;
use crate::base::sync::RwLock;
use crate::error::codes;
use crate::error::{Error, KafkaError, Result};
use crate::kafka::ffi::{self, Queue};
use crate::kafka::meeting::{self, Meeting};
use crate::kafka::troubles::Troubles;
use crate::kafka::{creation, oauth};

/// Events besides logs, which come without being asked for.
const EVENTS: i32 = sys::RD_KAFKA_EVENT_DR | sys::RD_KAFKA_EVENT_ERROR | sys::RD_KAFKA_EVENT_STATS;

pub(super) struct ProducerClient {
    // Dropped by hand, after the topics and the queue that belong to it.
    client: ManuallyDrop<Client<DefaultClientContext>>,
    tokens: Option<oauth::Registration>,
    queue: ManuallyDrop<Queue>,
    topics: RwLock<HashMap<CString, TopicHandle>>,
    partitioner: Partitioner,
    /// Which of the producer's clients this is.
    generation: u64,
    /// Outlives the client, as `drop` ends that first.
    _troubles: Arc<Troubles>,
    /// Why it was given up: the words for messages that went with it.
    replacement_reason: OnceLock<String>,
    transactional: bool,
    /// No topic's messages are compressed: as many bytes are as large a batch.
    grows: bool,
    /// See `note_gap`.
    gap: AtomicBool,
}

/// Fatal errors that a test can ask for.
#[derive(Debug, Clone, Copy)]
pub enum FatalError {
    OutOfOrder,
    Fenced,
    /// librdkafka's or a broker's code.
    Number(i32),
}

// SAFETY: librdkafka's clients may be used from any thread.
unsafe impl Send for ProducerClient {}
// SAFETY: as above.
unsafe impl Sync for ProducerClient {}

impl ProducerClient {
    /// Creates the client: librdkafka starts its threads and begins to connect.
    pub fn new(
        config: &ClientConfig,
        settings: &BTreeMap<String, String>,
        generation: u64,
        troubles: &Arc<Troubles>,
    ) -> Result<Self> {
        let mut config = config.clone();
        // The crate sets a level of its own over the configuration's `log_level`; 6 is librdkafka's default.
        config.set_log_level(log_level(settings.get("log_level").map_or("6", String::as_str)));
        let native_config = config
            .create_native_config()
            .map_err(|error| creation::refused(&error, settings))?;
        let conf = native_config.ptr();
        // SAFETY: the configuration is alive and not yet in use.
        unsafe { sys::rd_kafka_conf_set_events(conf, EVENTS) };
        let partitioner = Partitioner::named(&native_config.get("partitioner").unwrap_or_default());
        let set = |name| native_config.get(name).ok().filter(|value| !value.is_empty());
        let transactional = set("transactional.id").is_some();
        let asks_for_id = !transactional && set("enable.idempotence").as_deref() == Some("true");
        let meeting = if asks_for_id {
            Meeting::Announced
        } else {
            Meeting::Quiet
        };
        let grows = ["compression.type", "compression.codec"]
            .into_iter()
            .filter_map(set)
            .all(|codec| matches!(codec.as_str(), "none" | "inherit"));
        let client = creation::create(
            &config,
            native_config,
            RDKafkaType::RD_KAFKA_PRODUCER,
            settings,
            troubles,
            meeting,
        )?;
        // SAFETY: the client is alive; the queue is given back in `drop`, before the client.
        let queue = unsafe { Queue::from_ptr(sys::rd_kafka_queue_get_main(client.native_ptr())) }
            .ok_or_else(|| Error::Internal("librdkafka made a producer without a queue".to_owned()))?;
        // SAFETY: given back in `drop`, before the client.
        let tokens = unsafe { oauth::Registration::of(client.native_ptr(), settings) };
        Ok(ProducerClient {
            tokens,
            client: ManuallyDrop::new(client),
            queue: ManuallyDrop::new(queue),
            topics: RwLock::new(HashMap::new()),
            partitioner,
            generation,
            _troubles: Arc::clone(troubles),
            replacement_reason: OnceLock::new(),
            transactional,
            grows,
            gap: AtomicBool::new(false),
        })
    }

    pub fn rk(&self) -> *mut sys::rd_kafka_t {
        self.client.native_ptr()
    }

    /// The controller is connected, or could not be within some seconds.
    pub fn connected(&self) {
        // SAFETY: a living client and its queue.
        unsafe { meeting::describe(self.rk(), &self.queue) };
    }

    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    pub fn is_transactional(&self) -> bool {
        self.transactional
    }

    /// Batches are as large as what was put into them.
    pub fn grows(&self) -> bool {
        self.grows
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn set_replacement_reason(&self, words: String) {
        let _ = self.replacement_reason.set(words);
    }

    pub fn replacement_reason(&self) -> Option<&str> {
        self.replacement_reason.get().map(String::as_str)
    }

    /// One of its messages has a sequence number and is not in the log: a broker has refused it, or it was purged. What
    /// librdkafka sends to that partition in the next transaction may have a number that the broker does not expect.
    pub fn note_gap(&self) {
        self.gap.store(true, Ordering::SeqCst);
    }

    pub fn has_gap(&self) -> bool {
        self.gap.load(Ordering::SeqCst)
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
        self.explain(codes::FATAL).number != codes::FATAL
    }

    /// The error behind a code: for librdkafka's envelope of fatal errors that is the one inside.
    pub fn explain(&self, code: i32) -> KafkaError {
        self.explain_fatal(KafkaError::from_number(code))
    }

    pub fn explain_fatal(&self, error: KafkaError) -> KafkaError {
        // SAFETY: the client is alive.
        unsafe { ffi::explain_fatal(self.rk(), error) }
    }

    /// Why it takes nothing any more; None: it works.
    pub fn fatal_error(&self) -> Option<KafkaError> {
        // SAFETY: the client is alive.
        unsafe { ffi::fatal_error(self.rk()) }
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

    pub fn inject_fatal_error(&self, code: RDKafkaRespErr, reason: &CStr) {
        // SAFETY: the client is alive, the reason is copied.
        unsafe { sys::rd_kafka_test_fatal_error(self.rk(), code, reason.as_ptr()) };
    }

    /// Makes the report thread return from its poll.
    pub fn interrupt_poll(&self) {
        self.queue.wake();
    }
}

impl Drop for ProducerClient {
    /// May block while librdkafka's threads end: only the report thread drops this.
    fn drop(&mut self) {
        let topics = std::mem::take(&mut *self.topics.write());
        self.tokens = None;
        // SAFETY: each handle is given back once, before the client, and nobody else holds one any more.
        unsafe {
            for handle in topics.into_values() {
                sys::rd_kafka_topic_destroy(handle.0);
            }
            ManuallyDrop::drop(&mut self.queue);
            ManuallyDrop::drop(&mut self.client);
        }
    }
}

fn last_error() -> i32 {
    // SAFETY: reads a thread-local of librdkafka's.
    unsafe { codes::raw::rd_kafka_last_error() }
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
