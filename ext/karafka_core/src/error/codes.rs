//! librdkafka's and the brokers' error codes as the numbers they are. A newer broker sends codes that this librdkafka
//! passes on without knowing them; read as the Rust enum each of these would be undefined behaviour.

use std::ffi::{c_char, CStr};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

pub const NO_ERROR: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as i32;
pub const FATAL: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL as i32;
pub const QUEUE_FULL: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL as i32;

/// librdkafka's functions that pass on what a broker has sent, with the type that their result really has.
pub mod raw {
    use rdkafka::bindings as sys;

    extern "C" {
        pub fn rd_kafka_event_error(event: *mut sys::rd_kafka_event_t) -> i32;
        pub fn rd_kafka_error_code(error: *const sys::rd_kafka_error_t) -> i32;
        pub fn rd_kafka_last_error() -> i32;
        pub fn rd_kafka_committed(
            client: *mut sys::rd_kafka_t,
            list: *mut sys::rd_kafka_topic_partition_list_t,
            timeout_ms: i32,
        ) -> i32;
        pub fn rd_kafka_offsets_for_times(
            client: *mut sys::rd_kafka_t,
            list: *mut sys::rd_kafka_topic_partition_list_t,
            timeout_ms: i32,
        ) -> i32;
        pub fn rd_kafka_query_watermark_offsets(
            client: *mut sys::rd_kafka_t,
            topic: *const super::c_char,
            partition: i32,
            low: *mut i64,
            high: *mut i64,
            timeout_ms: i32,
        ) -> i32;
        pub fn rd_kafka_metadata(
            client: *mut sys::rd_kafka_t,
            all_topics: i32,
            only: *mut sys::rd_kafka_topic_t,
            metadata: *mut *const sys::rd_kafka_metadata,
            timeout_ms: i32,
        ) -> i32;
        pub fn rd_kafka_fatal_error(client: *mut sys::rd_kafka_t, text: *mut super::c_char, size: usize) -> i32;
        pub(crate) fn rd_kafka_err2name(code: i32) -> *const super::c_char;
        pub(crate) fn rd_kafka_err2str(code: i32) -> *const super::c_char;
    }
}

/// The number in a field that librdkafka has filled.
///
/// # Safety
/// `field` can be read.
pub unsafe fn read(field: *const RDKafkaRespErr) -> i32 {
    // SAFETY: by the contract; the enum is an int in C, and any of its values is an i32.
    unsafe { field.cast::<i32>().read() }
}

/// The code of a message, also of one in a delivery report.
///
/// # Safety
/// `message` is alive.
pub unsafe fn of_message(message: *const sys::rd_kafka_message_t) -> i32 {
    // SAFETY: by the contract; no reference to the field is made.
    unsafe { read(std::ptr::addr_of!((*message).err)) }
}

/// None: this librdkafka does not know it.
pub fn known(number: i32) -> Option<RDKafkaRespErr> {
    RDKafkaRespErr::try_from(number).ok()
}

/// `queue_full`, `unknown_topic_or_part`: the names applications compare with. `err_4711` for a code that is not known.
pub fn name(number: i32) -> String {
    if known(number).is_none() {
        return format!("err_{number}");
    }
    // SAFETY: librdkafka returns a static string for every code that it knows.
    let name = unsafe { CStr::from_ptr(raw::rd_kafka_err2name(number)) };
    name.to_string_lossy().trim_start_matches('_').to_lowercase()
}

/// librdkafka's words for it.
pub fn text(number: i32) -> String {
    if known(number).is_none() {
        return format!("the error {number}, which this version of librdkafka does not know");
    }
    // SAFETY: as above.
    unsafe { CStr::from_ptr(raw::rd_kafka_err2str(number)) }
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::KafkaError;

    #[test]
    fn a_code_of_a_newer_broker_keeps_its_number() {
        let newer = 4_711;
        // SAFETY: the field can be read.
        let read = unsafe { read((&raw const newer).cast()) };
        let error = KafkaError::from_number(read);
        assert_eq!((error.number, error.code.as_str()), (4_711, "err_4711"));
        assert!(error.message.contains("4711"), "{}", error.message);
        assert!(!error.fatal && !error.retryable);
    }

    #[test]
    fn a_known_code_has_its_name_and_text() {
        let error = KafkaError::from_number(87);
        assert_eq!((error.number, error.code.as_str()), (87, "invalid_record"));
        assert_eq!(
            error,
            KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD)
        );
    }
}
