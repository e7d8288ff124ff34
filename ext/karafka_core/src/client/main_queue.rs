//! The client's main queue: what happens beside messages, until it is closed. It is polled here, because rust-rdkafka's own
//! `poll` can't be woken and hides the results of an assignment.

use std::ffi::CStr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::ConsumerClient;
use crate::error::{KafkaError, Result};
use crate::native::{error_result, PartitionRow, QueueEvent};

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

impl ConsumerClient {
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

    /// Leaves the group and closes, serving what comes up meanwhile. False when `give_up` came first.
    pub fn close(&self, give_up: impl Fn() -> bool, mut serve: impl FnMut(Polled)) -> Result<bool> {
        self.closing.store(true, Ordering::Relaxed);
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
