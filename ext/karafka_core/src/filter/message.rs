//! What the filter sees of a message.

use std::ffi::CStr;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

pub trait View {
    fn payload(&self) -> Option<&[u8]>;
    fn key(&self) -> Option<&[u8]>;
    /// Whether one of the headers of that name passes; `test(None)` where there is none.
    fn header(&self, name: &CStr, test: &dyn Fn(Option<&[u8]>) -> bool) -> bool;
}

/// A message in pieces.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts<'a> {
    pub payload: Option<&'a [u8]>,
    pub key: Option<&'a [u8]>,
    pub headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

impl View for Parts<'_> {
    fn payload(&self) -> Option<&[u8]> {
        self.payload
    }

    fn key(&self) -> Option<&[u8]> {
        self.key
    }

    fn header(&self, name: &CStr, test: &dyn Fn(Option<&[u8]>) -> bool) -> bool {
        let mut named = self.headers.iter().filter(|(known, _)| *known == name.to_bytes());
        let Some((_, first)) = named.next() else {
            return test(None);
        };
        test(*first) || named.any(|(_, value)| test(*value))
    }
}

/// A message of librdkafka's.
pub(crate) struct Raw(*mut sys::rd_kafka_message_t);

impl Raw {
    /// # Safety
    /// A valid message without an error, for as long as this exists.
    pub unsafe fn new(message: *mut sys::rd_kafka_message_t) -> Self {
        Raw(message)
    }
}

/// # Safety
/// `len` readable bytes or null.
unsafe fn bytes<'a>(at: *const u8, len: usize) -> Option<&'a [u8]> {
    // SAFETY: by contract.
    (!at.is_null()).then(|| unsafe { std::slice::from_raw_parts(at, len) })
}

impl View for Raw {
    fn payload(&self) -> Option<&[u8]> {
        // SAFETY: a valid message by contract of `new`.
        unsafe { bytes((*self.0).payload.cast(), (*self.0).len) }
    }

    fn key(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { bytes((*self.0).key.cast(), (*self.0).key_len) }
    }

    fn header(&self, name: &CStr, test: &dyn Fn(Option<&[u8]>) -> bool) -> bool {
        const FOUND: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        let mut list = std::ptr::null_mut();
        // SAFETY: a valid message; the list and its values belong to it.
        unsafe {
            if sys::rd_kafka_message_headers(self.0, &mut list) != FOUND {
                return test(None);
            }
            for index in 0.. {
                let (mut value, mut len) = (std::ptr::null(), 0);
                if sys::rd_kafka_header_get(list, index, name.as_ptr(), &mut value, &mut len) != FOUND {
                    return index == 0 && test(None);
                }
                if test(bytes(value.cast(), len)) {
                    return true;
                }
            }
        }
        false
    }
}
