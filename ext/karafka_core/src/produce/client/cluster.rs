//! What the cluster has, without making anything there: librdkafka's question about one topic has a broker create it.

use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka::bindings as sys;

use super::ProducerClient;
use crate::error::codes;
use crate::kafka::ffi::{Queue, QueueEvent};

/// Of a broker's settings.
const AUTO_CREATE: &CStr = c"auto.create.topics.enable";

/// What a broker says of topics that a client asks for and that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoCreate {
    On,
    Off,
    /// It does not tell, such as for want of a right.
    Unsaid,
    /// No answer in time.
    Unanswered,
}

impl ProducerClient {
    /// The broker that answered, and the names of all topics that this client may see. Blocks for up to `timeout`.
    pub fn all_topics(&self, timeout: Duration) -> std::result::Result<(i32, Vec<String>), i32> {
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
        // SAFETY: the client is alive; where it succeeds there is a metadata object with as many topics as it says, whose names
        // end with NUL, given back once.
        unsafe {
            let code = codes::raw::rd_kafka_metadata(self.rk(), 1, std::ptr::null_mut(), &mut metadata, timeout);
            if code != codes::NO_ERROR {
                return Err(code);
            }
            let names = (0..usize::try_from((*metadata).topic_cnt).unwrap_or(0))
                .map(|index| (*metadata).topics.add(index))
                .filter(|topic| codes::read(&raw const (**topic).err) == codes::NO_ERROR)
                .map(|topic| CStr::from_ptr((*topic).topic).to_string_lossy().into_owned())
                .collect();
            let broker = (*metadata).orig_broker_id;
            sys::rd_kafka_metadata_destroy(metadata);
            Ok((broker, names))
        }
    }

    /// Whether that broker creates topics that a client asks for. Blocks for up to `timeout`.
    pub fn auto_create(&self, broker: i32, timeout: Duration) -> AutoCreate {
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        match self.broker_settings(broker, timeout) {
            // SAFETY: a result of DescribeConfigs that is alive.
            Some(event) => unsafe { read_auto_create(&event) },
            None => AutoCreate::Unanswered,
        }
    }

    /// None: no answer within `timeout` milliseconds.
    fn broker_settings(&self, broker: i32, timeout: i32) -> Option<QueueEvent> {
        let name = CString::new(broker.to_string()).ok()?;
        // SAFETY: the client is alive. Each object is ours and given back once; librdkafka copies what it is asked.
        unsafe {
            let queue = Queue::from_ptr(sys::rd_kafka_queue_new(self.rk()))?;
            let kind = sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_BROKER;
            let mut resource = sys::rd_kafka_ConfigResource_new(kind, name.as_ptr());
            let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
            let options = sys::rd_kafka_AdminOptions_new(self.rk(), operation);
            sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout, std::ptr::null_mut(), 0);
            sys::rd_kafka_DescribeConfigs(self.rk(), &mut resource, 1, options, queue.as_ptr());
            sys::rd_kafka_AdminOptions_destroy(options);
            sys::rd_kafka_ConfigResource_destroy(resource);
            queue.poll(timeout)
        }
    }
}

/// # Safety
/// `event` is a result of DescribeConfigs.
unsafe fn read_auto_create(event: &QueueEvent) -> AutoCreate {
    // SAFETY: by contract. The result belongs to the event and has as many parts as it says; texts end with NUL.
    let found = unsafe {
        if event.error().is_some_and(|error| error.retryable) {
            return AutoCreate::Unanswered;
        }
        let result = sys::rd_kafka_event_DescribeConfigs_result(event.as_ptr());
        if result.is_null() {
            return AutoCreate::Unsaid;
        }
        let mut count = 0;
        let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &mut count);
        if count == 0 {
            return AutoCreate::Unsaid;
        }
        let entries = sys::rd_kafka_ConfigResource_configs(*resources, &mut count);
        (0..count)
            .map(|index| *entries.add(index))
            .find(|entry| CStr::from_ptr(sys::rd_kafka_ConfigEntry_name(*entry)) == AUTO_CREATE)
            .map(|entry| sys::rd_kafka_ConfigEntry_value(entry))
            .filter(|value| !value.is_null())
            .map(|value| CStr::from_ptr(value) == c"true")
    };
    match found {
        Some(true) => AutoCreate::On,
        Some(false) => AutoCreate::Off,
        None => AutoCreate::Unsaid,
    }
}
