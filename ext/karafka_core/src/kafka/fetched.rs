//! Messages that librdkafka has fetched.

use rdkafka::bindings as sys;

use crate::error::codes;

/// A message of librdkafka's, destroyed when dropped: an early exit leaks none.
#[repr(transparent)]
pub struct Fetched(*mut sys::rd_kafka_message_t);

impl Fetched {
    /// Takes ownership.
    ///
    /// # Safety
    /// A message that nobody else destroys.
    pub unsafe fn from_ptr(message: *mut sys::rd_kafka_message_t) -> Self {
        Fetched(message)
    }

    pub fn as_ptr(&self) -> *mut sys::rd_kafka_message_t {
        self.0
    }

    pub fn partition(&self) -> i32 {
        // SAFETY: a valid message.
        unsafe { (*self.0).partition }
    }

    /// Of its topic.
    pub fn handle(&self) -> usize {
        // SAFETY: a valid message.
        unsafe { (*self.0).rkt as usize }
    }

    pub fn code(&self) -> i32 {
        // SAFETY: a valid message.
        unsafe { codes::of_message(self.0) }
    }

    pub fn offset(&self) -> i64 {
        // SAFETY: a valid message.
        unsafe { (*self.0).offset }
    }

    pub fn leader_epoch(&self) -> i32 {
        // SAFETY: a valid message.
        unsafe { sys::rd_kafka_message_leader_epoch(self.0) }
    }

    pub fn data_bytes(&self) -> usize {
        // SAFETY: a valid message. An error's payload is its text.
        unsafe { (*self.0).len + (*self.0).key_len }
    }

    pub fn error_text(&self) -> String {
        // SAFETY: a valid message; the text lives as long as it.
        unsafe { std::ffi::CStr::from_ptr(sys::rd_kafka_message_errstr(self.0)) }
            .to_string_lossy()
            .into_owned()
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_message_destroy(self.0) }
    }
}
