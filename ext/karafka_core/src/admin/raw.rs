//! librdkafka's functions that take or give an enum, with plain numbers: a newer broker sends values that the Rust enum has not
//! got. And safe readers of what an answer holds.

use std::ffi::{c_char, CStr, CString};

use rdkafka::bindings as sys;

use crate::error::{c_string, codes, KafkaError, Result};

extern "C" {
    pub fn rd_kafka_topic_result_error(result: *const sys::rd_kafka_topic_result_t) -> i32;
    pub fn rd_kafka_ConfigResource_error(resource: *const sys::rd_kafka_ConfigResource_t) -> i32;
    pub fn rd_kafka_ConfigResource_type(resource: *const sys::rd_kafka_ConfigResource_t) -> i32;
    pub fn rd_kafka_ConfigResource_new(kind: i32, name: *const c_char) -> *mut sys::rd_kafka_ConfigResource_t;
    pub fn rd_kafka_ConfigResource_add_incremental_config(
        resource: *mut sys::rd_kafka_ConfigResource_t,
        name: *const c_char,
        operation: i32,
        value: *const c_char,
    ) -> *mut sys::rd_kafka_error_t;
    pub fn rd_kafka_ConfigEntry_source(entry: *const sys::rd_kafka_ConfigEntry_t) -> i32;
    pub fn rd_kafka_ConsumerGroupListing_state(group: *const sys::rd_kafka_ConsumerGroupListing_t) -> i32;
    pub fn rd_kafka_ConsumerGroupListing_type(group: *const sys::rd_kafka_ConsumerGroupListing_t) -> i32;
    pub fn rd_kafka_ConsumerGroupDescription_state(group: *const sys::rd_kafka_ConsumerGroupDescription_t) -> i32;
    pub fn rd_kafka_ConsumerGroupDescription_type(group: *const sys::rd_kafka_ConsumerGroupDescription_t) -> i32;
    pub fn rd_kafka_AclBinding_restype(acl: *const sys::rd_kafka_AclBinding_t) -> i32;
    pub fn rd_kafka_AclBinding_resource_pattern_type(acl: *const sys::rd_kafka_AclBinding_t) -> i32;
    pub fn rd_kafka_AclBinding_operation(acl: *const sys::rd_kafka_AclBinding_t) -> i32;
    pub fn rd_kafka_AclBinding_permission_type(acl: *const sys::rd_kafka_AclBinding_t) -> i32;
    pub fn rd_kafka_AclBinding_new(
        resource: i32,
        name: *const c_char,
        pattern: i32,
        principal: *const c_char,
        host: *const c_char,
        operation: i32,
        permission: i32,
        text: *mut c_char,
        size: usize,
    ) -> *mut sys::rd_kafka_AclBinding_t;
    pub fn rd_kafka_AclBindingFilter_new(
        resource: i32,
        name: *const c_char,
        pattern: i32,
        principal: *const c_char,
        host: *const c_char,
        operation: i32,
        permission: i32,
        text: *mut c_char,
        size: usize,
    ) -> *mut sys::rd_kafka_AclBinding_t;
}

/// # Safety
/// `text` is null or ends with NUL, for the time of the call.
pub unsafe fn text(text: *const c_char) -> Option<String> {
    // SAFETY: by contract.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// The pointers of an answer's list.
///
/// # Safety
/// `rows` has `count` pointers, which live as long as `'a`, or is null.
pub unsafe fn rows<'a, T>(rows: *mut *const T, count: usize) -> &'a [*const T] {
    if rows.is_null() {
        return &[];
    }
    // SAFETY: by contract.
    unsafe { std::slice::from_raw_parts(rows, count) }
}

/// The ids of a list of brokers.
///
/// # Safety
/// As `rows`; the brokers are alive.
pub unsafe fn broker_ids(nodes: *mut *const sys::rd_kafka_Node_t, count: usize) -> Vec<i32> {
    // SAFETY: by contract.
    unsafe {
        rows(nodes, count)
            .iter()
            .map(|node| sys::rd_kafka_Node_id(*node))
            .collect()
    }
}

/// A number and the broker's own words, where it has any.
///
/// # Safety
/// `words` as for `text`.
pub unsafe fn error_of(number: i32, words: *const c_char) -> Option<KafkaError> {
    if number == codes::NO_ERROR {
        return None;
    }
    let error = KafkaError::from_number(number);
    // SAFETY: by contract.
    Some(match unsafe { text(words) }.filter(|words| !words.is_empty()) {
        Some(words) => error.with_message(words),
        None => error,
    })
}

/// # Safety
/// `error` is null or valid for the time of the call.
pub unsafe fn borrowed_error(error: *const sys::rd_kafka_error_t) -> Option<KafkaError> {
    if error.is_null() {
        return None;
    }
    // SAFETY: by contract.
    unsafe {
        error_of(
            codes::raw::rd_kafka_error_code(error),
            sys::rd_kafka_error_string(error),
        )
    }
}

pub fn c_strings<'a>(what: &str, texts: impl IntoIterator<Item = &'a String>) -> Result<Vec<CString>> {
    texts.into_iter().map(|text| c_string(what, text)).collect()
}

/// With the topic that it is about, and the partition where it is about one.
pub fn about(mut error: KafkaError, topic: &str, partition: Option<i32>) -> KafkaError {
    error.topic = Some(topic.to_owned());
    error.partition = partition;
    error
}
