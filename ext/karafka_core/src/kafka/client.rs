//! The consumer client of one subscription group: how it is made, and its end. rust-rdkafka owns the native client and its
//! configuration; what this client does is in the files below.

use std::ffi::CString;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::Arc;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::types::RDKafkaType;

use crate::config::GroupConfig;
use crate::config::InitialOffset;
use crate::error::c_string;
use crate::error::{Error, Result};
use crate::kafka::doubt::Doubt;
use crate::kafka::fetch_limits::FetchLimits;
use crate::kafka::ffi::Queue;
use crate::kafka::heartbeats::Heartbeats;
use crate::kafka::meeting::Meeting;
use crate::kafka::troubles::Troubles;
use crate::kafka::{creation, interceptors, oauth, settings};

mod commits;
mod fetching;
mod look_ups;
mod main_queue;
mod membership;
mod questions;

pub use main_queue::Polled;
pub use questions::{Answer, Question, TopicAnswer, LONGEST_ANSWER};

/// Ends only by `destroy`, after `close`: librdkafka's destroy of an open consumer waits forever for somebody who
/// answers its rebalance. Where that can't be had (a panic) the client is leaked.
pub struct ConsumerClient {
    queue: Queue,
    /// The number of questions that were asked.
    questions: AtomicUsize,
    /// Taken back before the client ends.
    tokens: Option<oauth::Registration>,
    client: ManuallyDrop<Client<DefaultClientContext>>,
    /// Left behind with the client, whose threads refer to it.
    troubles: ManuallyDrop<Arc<Troubles>>,
    /// The group's members agree on the assignment among themselves: the protocol before KIP-848.
    is_classic: bool,
    fetch_limits: Option<FetchLimits>,
    /// Used by the protocol of KIP-848 only.
    pub heartbeats: Arc<Heartbeats>,
    /// For SASL; empty where there are none.
    credentials: (CString, CString),
    /// It leaves the group. As soon as it has given its partitions up there may be nobody any more who answers questions about
    /// the group, and librdkafka waits for such an answer without a limit.
    closing: AtomicBool,
}

impl ConsumerClient {
    pub fn new(group: &GroupConfig, doubt: &Arc<Doubt>, troubles: Arc<Troubles>) -> Result<Self> {
        let mut config = settings::client_config(&group.kafka)?;
        // Offsets are committed by the engine, from its own table of marks.
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Only the end of a partition says that offsets without a message were read.
            .set("enable.partition.eof", "true")
            // Where a partition begins is decided by the engine. This is what is left: positions that are not in the log any more.
            .set(
                "auto.offset.reset",
                match group.initial_offset() {
                    InitialOffset::LatestAlways => "latest",
                    _ => "earliest",
                },
            );
        let debug = group.kafka.contains_key("debug");
        let setting = |name: &str| c_string("kafka", group.kafka.get(name).map_or("", String::as_str));
        config.set_log_level(if debug {
            RDKafkaLogLevel::Debug
        } else {
            RDKafkaLogLevel::Info
        });
        let native = config
            .create_native_config()
            .map_err(|error| creation::refused(&error, &group.kafka))?;
        interceptors::listen(doubt, &native);
        let is_classic = group
            .kafka
            .get("group.protocol")
            .is_none_or(|name| !name.eq_ignore_ascii_case("consumer"));
        let heartbeats = Arc::<Heartbeats>::default();
        if !is_classic {
            interceptors::listen(&heartbeats, &native);
        }
        // SAFETY: the configuration is ours until the client takes it.
        unsafe {
            sys::rd_kafka_conf_set_events(
                native.ptr(),
                sys::RD_KAFKA_EVENT_REBALANCE
                    | sys::RD_KAFKA_EVENT_OFFSET_COMMIT
                    | sys::RD_KAFKA_EVENT_STATS
                    | sys::RD_KAFKA_EVENT_ERROR,
            );
        }
        let client = creation::create(
            &config,
            native,
            RDKafkaType::RD_KAFKA_CONSUMER,
            &group.kafka,
            &troubles,
            Meeting::Quiet,
        )?;
        // SAFETY: a living consumer; the handle is ours.
        let queue = unsafe {
            sys::rd_kafka_poll_set_consumer(client.native_ptr());
            Queue::from_ptr(sys::rd_kafka_queue_get_consumer(client.native_ptr()))
        };
        let queue = queue.ok_or_else(|| Error::Config {
            setting: "group.id".to_owned(),
            value: String::new(),
            reason: "a consumer needs a group".to_owned(),
        })?;
        Ok(ConsumerClient {
            queue,
            questions: AtomicUsize::new(0),
            // SAFETY: given back in `destroy`, before the client.
            tokens: unsafe { oauth::Registration::of(client.native_ptr(), &group.kafka) },
            // SAFETY: it goes with the client.
            fetch_limits: unsafe { FetchLimits::of(client.native_ptr()) },
            client: ManuallyDrop::new(client),
            troubles: ManuallyDrop::new(troubles),
            credentials: (setting("sasl.username")?, setting("sasl.password")?),
            closing: AtomicBool::new(false),
            is_classic,
            heartbeats,
        })
    }

    /// Frees everything. May wait for librdkafka's threads.
    pub fn destroy(self) {
        let ConsumerClient {
            queue,
            client,
            troubles,
            tokens,
            ..
        } = self;
        drop(tokens);
        // A queue handle must not outlive its client.
        drop(queue);
        drop(ManuallyDrop::into_inner(client));
        drop(ManuallyDrop::into_inner(troubles));
    }

    pub(crate) fn ptr(&self) -> *mut sys::rd_kafka_t {
        self.client.native_ptr()
    }
}
