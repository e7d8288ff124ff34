//! The consumer client of one subscription group. rust-rdkafka owns the native client and its configuration;
//! the main queue is polled here, because its own `poll` can't be woken and hides the results of an assignment.

use std::ffi::{CStr, CString};
use std::mem::ManuallyDrop;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::types::{RDKafkaRespErr, RDKafkaType};

use crate::config::GroupConfig;
use crate::error::{check, Error, KafkaError, Result};
use crate::native::{c_string, error_result, PartitionList, PartitionRow, Queue, QueueEvent};
use crate::{resolver, settings};

/// One thing that happened on the main queue.
pub enum Polled {
    Nothing,
    Assign(QueueEvent),
    Revoke(QueueEvent),
    Committed {
        offsets: Vec<PartitionRow>,
        error: Option<KafkaError>,
    },
    Error(KafkaError),
    Statistics(String),
    /// Should never happen: every partition has its own queue.
    StrayMessages(usize),
}

/// Ends only by `destroy`, after `close`: librdkafka's destroy of an open consumer waits for ever for somebody who
/// answers its rebalance. Where that can't be had (a panic) the client is left behind.
pub struct ConsumerClient {
    queue: Queue,
    client: ManuallyDrop<Client<DefaultClientContext>>,
    /// The group's members agree on the assignment among themselves: the protocol before KIP-848.
    is_classic: bool,
    /// For SASL; empty where there are none.
    credentials: (CString, CString),
}

impl ConsumerClient {
    pub fn new(group: &GroupConfig) -> Result<Self> {
        let mut config = settings::client_config(&group.kafka)?;
        // Offsets are committed by the engine, from its own ack table.
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false");
        if group.topics.iter().any(|topic| topic.eofed) {
            config.set("enable.partition.eof", "true");
        }
        let debug = group.kafka.contains_key("debug");
        let setting = |name: &str| c_string("kafka", group.kafka.get(name).map_or("", String::as_str));
        config.set_log_level(if debug {
            RDKafkaLogLevel::Debug
        } else {
            RDKafkaLogLevel::Info
        });
        let lift = |error: rdkafka::error::KafkaError| Error::Config {
            setting: "kafka".to_owned(),
            value: group.id.clone(),
            reason: error.to_string(),
        };
        let native = config.create_native_config().map_err(lift)?;
        resolver::install(&native);
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
        let client =
            Client::new(&config, native, RDKafkaType::RD_KAFKA_CONSUMER, DefaultClientContext).map_err(lift)?;
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
            client: ManuallyDrop::new(client),
            credentials: (setting("sasl.username")?, setting("sasl.password")?),
            is_classic: group
                .kafka
                .get("group.protocol")
                .is_none_or(|name| !name.eq_ignore_ascii_case("consumer")),
        })
    }

    /// Frees everything. May wait for librdkafka's threads.
    pub fn destroy(self) {
        let ConsumerClient { queue, client, .. } = self;
        // A queue handle must not outlive its client.
        drop(queue);
        drop(ManuallyDrop::into_inner(client));
    }

    pub(crate) fn ptr(&self) -> *mut sys::rd_kafka_t {
        self.client.native_ptr()
    }

    pub fn subscribe(&self, topics: &[&str]) -> Result<()> {
        let mut list = PartitionList::with_capacity(topics.len());
        for topic in topics {
            list.add(topic, -1, crate::native::OFFSET_INVALID)?;
        }
        // SAFETY: a living client; the list is copied.
        check("subscribing", unsafe {
            sys::rd_kafka_subscribe(self.ptr(), list.as_ptr())
        })
    }

    /// Leaves the group; the partitions are revoked first, as in a rebalance.
    pub fn unsubscribe(&self) -> Result<()> {
        // SAFETY: a living client.
        check("leaving the group", unsafe { sys::rd_kafka_unsubscribe(self.ptr()) })
    }

    /// Takes partitions without a group, in addition to those it has.
    pub fn assign_more(&self, partitions: &PartitionList) -> Result<()> {
        // SAFETY: a living client; the list is copied.
        unsafe {
            let error = sys::rd_kafka_incremental_assign(self.ptr(), partitions.as_ptr());
            error_result("assigning", error)
        }
    }

    /// Fetches nothing more of the partition and drops what was fetched.
    pub fn stop_fetching(&self, topic: &str, partition: i32) -> Result<()> {
        let list = Self::single(topic, partition)?;
        // SAFETY: a living client; the list is ours.
        check("pausing a partition", unsafe {
            sys::rd_kafka_pause_partitions(self.ptr(), list.as_ptr())
        })
    }

    pub fn resume_fetching(&self, topic: &str, partition: i32) -> Result<()> {
        let list = Self::single(topic, partition)?;
        // SAFETY: a living client; the list is ours.
        check("resuming a partition", unsafe {
            sys::rd_kafka_resume_partitions(self.ptr(), list.as_ptr())
        })
    }

    fn single(topic: &str, partition: i32) -> Result<PartitionList> {
        let mut list = PartitionList::with_capacity(1);
        list.add(topic, partition, crate::native::OFFSET_INVALID)?;
        Ok(list)
    }

    /// How many partitions a topic has; 0: it is not there.
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

    /// What the group has committed, into the list itself.
    pub fn committed(&self, partitions: &PartitionList, timeout: Duration) -> Result<()> {
        // SAFETY: a living client; the list is ours and gets the results.
        check("looking up what is committed", unsafe {
            sys::rd_kafka_committed(self.ptr(), partitions.as_ptr(), timeout.as_millis() as i32)
        })
    }

    /// Makes a blocked `poll` return.
    pub fn wake(&self) {
        self.queue.wake();
    }

    pub fn poll(&self, timeout: Duration) -> Polled {
        let Some(event) = self.queue.poll(timeout.as_millis().min(i32::MAX as u128) as i32) else {
            return Polled::Nothing;
        };
        match event.kind() {
            sys::RD_KAFKA_EVENT_REBALANCE => match event.code() {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Polled::Assign(event),
                _ => Polled::Revoke(event),
            },
            sys::RD_KAFKA_EVENT_OFFSET_COMMIT => Polled::Committed {
                offsets: event.partitions(),
                error: event.error(),
            },
            sys::RD_KAFKA_EVENT_ERROR => match event.error() {
                Some(error) => Polled::Error(self.unwrap_fatal(error)),
                None => Polled::Nothing,
            },
            sys::RD_KAFKA_EVENT_STATS => Polled::Statistics(event.statistics()),
            sys::RD_KAFKA_EVENT_LOG => {
                forward_log(&event);
                Polled::Nothing
            }
            sys::RD_KAFKA_EVENT_FETCH => Polled::StrayMessages(event.message_count()),
            _ => Polled::Nothing,
        }
    }

    /// `_FATAL` is only an envelope: ask for what is inside.
    fn unwrap_fatal(&self, error: KafkaError) -> KafkaError {
        if !error.fatal {
            return error;
        }
        let mut text = [0 as libc::c_char; 512];
        // SAFETY: librdkafka writes a NUL-terminated text of at most the given size.
        unsafe {
            let code = sys::rd_kafka_fatal_error(self.ptr(), text.as_mut_ptr(), text.len());
            if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return error;
            }
            let message = CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned();
            KafkaError {
                fatal: true,
                ..KafkaError::from_code(code).with_message(message)
            }
        }
    }

    fn is_cooperative(&self) -> bool {
        // SAFETY: a static string, or null before the first rebalance.
        unsafe {
            let protocol = sys::rd_kafka_rebalance_protocol(self.ptr());
            !protocol.is_null() && CStr::from_ptr(protocol).to_bytes() == b"COOPERATIVE"
        }
    }

    /// With KIP-848 the broker moves partitions one by one, without rounds.
    pub fn rebalances_in_two_rounds(&self) -> bool {
        self.is_classic && self.is_cooperative()
    }

    /// Accepts an assignment as it came.
    pub fn assign(&self, event: &QueueEvent) -> Result<()> {
        let list = event.partition_list_ptr();
        // SAFETY: the list lives as long as the event; librdkafka copies it.
        unsafe {
            if self.is_cooperative() {
                error_result("assigning", sys::rd_kafka_incremental_assign(self.ptr(), list))
            } else {
                check("assigning", sys::rd_kafka_assign(self.ptr(), list))
            }
        }
    }

    /// Gives partitions up as asked.
    pub fn unassign(&self, event: &QueueEvent) -> Result<()> {
        // SAFETY: as above.
        unsafe {
            if self.is_cooperative() {
                let list = event.partition_list_ptr();
                error_result(
                    "giving partitions up",
                    sys::rd_kafka_incremental_unassign(self.ptr(), list),
                )
            } else {
                check(
                    "giving partitions up",
                    sys::rd_kafka_assign(self.ptr(), std::ptr::null()),
                )
            }
        }
    }

    /// Has librdkafka's broker threads look at once what there is to fetch. It pauses all partitions of a group while it waits for
    /// the answer to a rebalance, also those that stay. Where an answer of a broker comes in between, its thread finds nothing to
    /// fetch and sleeps for up to a second (`rd_kafka_max_block_ms`): resuming wakes nobody. Of what the library offers only new
    /// credentials wake all of these threads, so they get those that they have.
    pub fn wake_fetchers(&self) {
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

    /// True when the group went on without us: nothing of this assignment can be committed any more.
    pub fn assignment_lost(&self) -> bool {
        // SAFETY: a living client.
        unsafe { sys::rd_kafka_assignment_lost(self.ptr()) != 0 }
    }

    /// The queue of one partition, cut off from the main queue. Call it before the partition is assigned:
    /// librdkafka keeps the cut, so no message ever takes the main queue.
    pub fn split_partition(&self, topic: &str, partition: i32) -> Result<Queue> {
        let name = c_string("topic", topic)?;
        // SAFETY: a living client; the handle is ours.
        unsafe {
            let queue = sys::rd_kafka_queue_get_partition(self.ptr(), name.as_ptr(), partition);
            let queue = Queue::from_ptr(queue).ok_or_else(|| Error::Kafka {
                operation: "opening a partition",
                source: Box::new(
                    KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION).at(topic, partition),
                ),
            })?;
            sys::rd_kafka_queue_forward(queue.as_ptr(), std::ptr::null_mut());
            Ok(queue)
        }
    }

    /// Sends a commit; its answer arrives on the main queue. (`rd_kafka_commit` answers only to a commit call-back in
    /// the configuration, also where the events of it are enabled.)
    pub fn commit_async(&self, offsets: &PartitionList) -> Result<()> {
        // SAFETY: a living client and its own queue; the list is copied.
        check("committing", unsafe {
            let queue = self.queue.as_ptr();
            sys::rd_kafka_commit_queue(self.ptr(), offsets.as_ptr(), queue, None, std::ptr::null_mut())
        })
    }

    /// Commits and waits for the answer, on a queue of its own, so that the poll thread is not needed.
    pub fn commit_sync(&self, offsets: &PartitionList, timeout: Duration) -> Result<Vec<PartitionRow>> {
        const OPERATION: &str = "committing";
        // SAFETY: a living client; the reply queue outlives the wait. A reply that comes too late is dropped with the queue.
        let replies = unsafe {
            let replies = Queue::from_ptr(sys::rd_kafka_queue_new(self.ptr())).ok_or(Error::Closed)?;
            let code = sys::rd_kafka_commit_queue(
                self.ptr(),
                offsets.as_ptr(),
                replies.as_ptr(),
                None,
                std::ptr::null_mut(),
            );
            check(OPERATION, code)?;
            replies
        };
        let timeout_ms = timeout.as_millis() as u64;
        let reply = replies.poll(timeout_ms as i32).ok_or(Error::TimedOut {
            operation: OPERATION,
            timeout_ms,
        })?;
        let rows = reply.partitions();
        let refused = reply.error().or_else(|| rows.iter().find_map(|row| row.error.clone()));
        match refused {
            Some(source) => Err(Error::Kafka {
                operation: OPERATION,
                source: Box::new(source),
            }),
            None => Ok(rows),
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

    /// The first offset at or after a time; None when everything is older.
    pub fn offset_for_time(&self, topic: &str, partition: i32, time_ms: i64, timeout: Duration) -> Result<Option<i64>> {
        let mut list = PartitionList::with_capacity(1);
        list.add(topic, partition, time_ms)?;
        // SAFETY: a living client; the list is ours and gets the results.
        check("looking up a time", unsafe {
            sys::rd_kafka_offsets_for_times(self.ptr(), list.as_ptr(), timeout.as_millis() as i32)
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
        check("asking for the end of a partition", unsafe {
            let timeout_ms = timeout.as_millis() as i32;
            sys::rd_kafka_query_watermark_offsets(self.ptr(), name.as_ptr(), partition, &mut low, &mut high, timeout_ms)
        })?;
        Ok(high)
    }

    /// The high watermark as last seen in a fetch; -1 when nothing was fetched yet. No I/O.
    pub fn high_watermark(&self, topic: &CStr, partition: i32) -> i64 {
        let (mut low, mut high) = (-1i64, -1i64);
        // SAFETY: a living client; both out-parameters outlive the call.
        unsafe { sys::rd_kafka_get_watermark_offsets(self.ptr(), topic.as_ptr(), partition, &mut low, &mut high) };
        if high < 0 {
            -1
        } else {
            high
        }
    }

    /// Leaves the group and closes, serving what comes up meanwhile. False when `give_up` came first.
    pub fn close(&self, give_up: impl Fn() -> bool, mut serve: impl FnMut(Polled)) -> Result<bool> {
        // SAFETY: a living client and its own queue.
        unsafe {
            let error = sys::rd_kafka_consumer_close_queue(self.ptr(), self.queue.as_ptr());
            error_result("closing", error)?;
        }
        // SAFETY: a living client.
        while unsafe { sys::rd_kafka_consumer_closed(self.ptr()) } == 0 {
            if give_up() {
                return Ok(false);
            }
            serve(self.poll(Duration::from_millis(5)));
        }
        Ok(true)
    }
}

impl QueueEvent {
    fn message_count(&self) -> usize {
        let mut count = 0;
        // SAFETY: a valid event; the messages belong to it.
        while !unsafe { sys::rd_kafka_event_message_next(self.as_ptr()) }.is_null() {
            count += 1;
        }
        count
    }
}

fn forward_log(event: &QueueEvent) {
    let (mut facility, mut text, mut level) = (std::ptr::null(), std::ptr::null(), 0);
    // SAFETY: a valid log event; the strings live as long as it.
    let (facility, text) = unsafe {
        if sys::rd_kafka_event_log(event.as_ptr(), &mut facility, &mut text, &mut level) != 0 {
            return;
        }
        (
            CStr::from_ptr(facility).to_string_lossy(),
            CStr::from_ptr(text).to_string_lossy(),
        )
    };
    match level {
        // These repeat what arrives as an event too.
        _ if matches!(&*facility, "FAIL" | "ERROR" | "COMMITFAIL") => {
            tracing::debug!(target: "librdkafka", "{facility}: {text}")
        }
        0..=3 => tracing::error!(target: "librdkafka", "{facility}: {text}"),
        4 => tracing::warn!(target: "librdkafka", "{facility}: {text}"),
        5..=6 => tracing::info!(target: "librdkafka", "{facility}: {text}"),
        _ => tracing::debug!(target: "librdkafka", "{facility}: {text}"),
    }
}
