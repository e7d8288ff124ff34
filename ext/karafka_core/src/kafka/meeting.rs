//! How a new client comes to know its cluster without waiting for timers of librdkafka's.

use std::ffi::CStr;
use std::time::Duration;

use rdkafka::bindings as sys;
use sys::rd_kafka_admin_op_t as Kind;

use super::ffi::Queue;

/// A client that meets no broker for longer has lost more than this saves.
const LIMIT_MS: i32 = 5_000;

/// Whether a new client reports that it has met the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    Quiet,
    /// An event of its main queue says so.
    Announced,
}

impl Meeting {
    /// librdkafka (2.12.1) gives up its first connection when that has said which brokers exist, and what was asked there meanwhile. It
    /// connects again half of `reconnect.backoff.ms` after somebody asks for any broker. An order for the controller has it connect to
    /// that one at once. This order creates no topics, which librdkafka refuses by itself once it is connected, so nothing is sent. The
    /// mock cluster has no controller: there this waits for nothing.
    ///
    /// # Safety
    /// A living client.
    pub unsafe fn begin(self, client: *mut sys::rd_kafka_t) {
        // SAFETY: by contract; the queue is ours. An answer to a queue that is gone is dropped.
        unsafe {
            let Some(queue) = Queue::from_ptr(match self {
                Meeting::Quiet => sys::rd_kafka_queue_new(client),
                Meeting::Announced => sys::rd_kafka_queue_get_main(client),
            }) else {
                return;
            };
            with_options(client, Kind::RD_KAFKA_ADMIN_OP_CREATETOPICS, |options| {
                sys::rd_kafka_CreateTopics(client, std::ptr::null_mut(), 0, options, queue.as_ptr());
            });
        }
    }
}

/// An idempotent producer asks for its id every 500 ms, or at an answer about metadata that comes while it is connected. This has one
/// come, where the cluster has an id: librdkafka (2.12.1) crashes on such an answer without one.
///
/// # Safety
/// A living client, that is connected to the controller. `answers` is a queue of it.
pub unsafe fn describe(client: *mut sys::rd_kafka_t, answers: &Queue) {
    // SAFETY: by contract.
    unsafe {
        if cluster_id(client, Duration::ZERO).is_some() {
            with_options(client, Kind::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, |options| {
                sys::rd_kafka_DescribeCluster(client, options, answers.as_ptr());
            });
        }
    }
}

/// What an answer has told, or tells within that time. Some clusters have none, such as Azure Event Hubs.
///
/// # Safety
/// A living client.
pub unsafe fn cluster_id(client: *mut sys::rd_kafka_t, within: Duration) -> Option<String> {
    // SAFETY: by contract; the text is ours to free.
    unsafe {
        let id = sys::rd_kafka_clusterid(client, within.as_millis() as i32);
        if id.is_null() {
            return None;
        }
        let text = CStr::from_ptr(id).to_string_lossy().into_owned();
        sys::rd_kafka_mem_free(client, id.cast());
        Some(text)
    }
}

/// # Safety
/// A living client.
unsafe fn with_options(client: *mut sys::rd_kafka_t, kind: Kind, ask: impl FnOnce(*mut sys::rd_kafka_AdminOptions_t)) {
    // SAFETY: by contract; the options are ours, and copied by what they are given to.
    unsafe {
        let options = sys::rd_kafka_AdminOptions_new(client, kind);
        sys::rd_kafka_AdminOptions_set_request_timeout(options, LIMIT_MS, std::ptr::null_mut(), 0);
        ask(options);
        sys::rd_kafka_AdminOptions_destroy(options);
    }
}
