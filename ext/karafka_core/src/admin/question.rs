//! A question to librdkafka, and how long it may take.

use std::ffi::c_void;
use std::time::Duration;

use rdkafka::bindings as sys;

use super::client::{Call, Client, Kind};
use crate::kafka::ffi::Queue;

/// For questions to a coordinator, which end by our limit alone. Where librdkafka (2.12.1) times such a question out while it still
/// looks for the coordinator, it frees what it uses again when the coordinator is found, and the process aborts
/// (`eonce->refcnt > 0`; issue 4605, pull request 5397).
const WITHOUT_LIMIT: Duration = Duration::from_secs(3_600);

/// A question that is about to be asked: librdkafka's options for it, and the queue for its answer.
pub struct Question<'a> {
    client: &'a Client,
    options: *mut sys::rd_kafka_AdminOptions_t,
    queue: &'a Queue,
}

impl<'a> Question<'a> {
    pub fn new(client: &'a Client, call: &Call, kind: Kind, index: usize, queue: &'a Queue) -> Self {
        let limit = match kind {
            Kind::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS
            | Kind::RD_KAFKA_ADMIN_OP_DELETEGROUPS
            | Kind::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS
            | Kind::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS
            | Kind::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS => WITHOUT_LIMIT.as_millis() as i32,
            _ => call.left_ms(),
        };
        // SAFETY: a living client; the options are ours. The times are in the range that is taken.
        let options = unsafe {
            let options = sys::rd_kafka_AdminOptions_new(client.ptr(), kind);
            sys::rd_kafka_AdminOptions_set_request_timeout(options, limit, std::ptr::null_mut(), 0);
            if matches!(
                kind,
                Kind::RD_KAFKA_ADMIN_OP_CREATETOPICS
                    | Kind::RD_KAFKA_ADMIN_OP_DELETETOPICS
                    | Kind::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS
                    | Kind::RD_KAFKA_ADMIN_OP_DELETERECORDS
                    | Kind::RD_KAFKA_ADMIN_OP_ELECTLEADERS
            ) {
                sys::rd_kafka_AdminOptions_set_operation_timeout(options, call.left_ms(), std::ptr::null_mut(), 0);
            }
            sys::rd_kafka_AdminOptions_set_opaque(options, index as *mut c_void);
            options
        };
        Question { client, options, queue }
    }

    pub fn client(&self) -> *mut sys::rd_kafka_t {
        self.client.ptr()
    }

    pub fn options(&self) -> *mut sys::rd_kafka_AdminOptions_t {
        self.options
    }

    pub fn queue(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue.as_ptr()
    }

    /// Ask this broker.
    pub fn of_broker(&self, id: i32) {
        // SAFETY: living options.
        unsafe { sys::rd_kafka_AdminOptions_set_broker(self.options, id, std::ptr::null_mut(), 0) };
    }

    /// Only check whether it would work.
    pub fn validate_only(&self, only: bool) {
        // SAFETY: living options.
        unsafe { sys::rd_kafka_AdminOptions_set_validate_only(self.options, only.into(), std::ptr::null_mut(), 0) };
    }

    /// Ends of partitions are those of transactions that have ended.
    pub fn committed_only(&self, only: bool) {
        let level = match only {
            true => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
            false => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
        };
        // SAFETY: living options; the error is ours to free, or null.
        unsafe {
            let refused = sys::rd_kafka_AdminOptions_set_isolation_level(self.options, level);
            if !refused.is_null() {
                sys::rd_kafka_error_destroy(refused);
            }
        }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once; librdkafka has copied them.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.options) }
    }
}
