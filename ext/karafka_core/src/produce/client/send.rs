//! One message through librdkafka's C API: the plain call where it is enough, the one with headers and timestamp else.

use std::ffi::c_void;

use rdkafka::bindings as sys;

use super::super::messages::{Messages, Slot};
use super::{last_error, ProducerClient, TopicHandle};
use crate::error::codes;

impl ProducerClient {
    /// Hands one message over. librdkafka copies it; nothing blocks.
    pub fn produce(
        &self,
        topic: TopicHandle,
        messages: &Messages,
        slot: &Slot,
        partition: i32,
        opaque: *mut c_void,
    ) -> i32 {
        if slot.headers > 0 || slot.timestamp_ms > 0 {
            return self.produce_with_all(topic, messages, slot, partition, opaque);
        }
        let bytes = |span| messages.bytes(span);
        self.produce_plain(topic, partition, bytes(slot.payload), bytes(slot.key), opaque)
    }

    /// As `produce`, without headers and with the time of the call.
    pub fn produce_plain(
        &self,
        topic: TopicHandle,
        partition: i32,
        payload: Option<&[u8]>,
        key: Option<&[u8]>,
        opaque: *mut c_void,
    ) -> i32 {
        let (payload, payload_len) = raw(payload);
        let (key, key_len) = raw(key);
        // SAFETY: the topic handle belongs to this client; the bytes live during the call and are copied (F_COPY).
        let refused = unsafe {
            sys::rd_kafka_produce(
                topic.0,
                partition,
                sys::RD_KAFKA_MSG_F_COPY,
                payload,
                payload_len,
                key,
                key_len,
                opaque,
            )
        };
        if refused == 0 {
            codes::NO_ERROR
        } else {
            last_error()
        }
    }

    fn produce_with_all(
        &self,
        topic: TopicHandle,
        messages: &Messages,
        slot: &Slot,
        partition: i32,
        opaque: *mut c_void,
    ) -> i32 {
        let headers = native_headers(messages, slot);
        let code = self.produce_parts(&Parts {
            topic,
            partition,
            payload: messages.bytes(slot.payload),
            key: messages.bytes(slot.key),
            headers,
            timestamp_ms: slot.timestamp_ms,
            opaque,
        });
        if code != codes::NO_ERROR && !headers.is_null() {
            // SAFETY: librdkafka has not taken them.
            unsafe { sys::rd_kafka_headers_destroy(headers) };
        }
        code
    }

    /// As `produce`, with everything a message may have. Where librdkafka takes it the headers are librdkafka's.
    pub fn produce_parts(&self, parts: &Parts<'_>) -> i32 {
        use sys::rd_kafka_vtype_t::*;
        let mut arguments = [empty_argument(); 8];
        let [rkt, part, flags, value, key, user, time, heads] = &mut arguments;
        (rkt.vtype, rkt.u.rkt) = (RD_KAFKA_VTYPE_RKT, parts.topic.0);
        (part.vtype, part.u.i32_) = (RD_KAFKA_VTYPE_PARTITION, parts.partition);
        (flags.vtype, flags.u.i) = (RD_KAFKA_VTYPE_MSGFLAGS, sys::RD_KAFKA_MSG_F_COPY);
        (value.vtype, value.u.mem) = (RD_KAFKA_VTYPE_VALUE, memory(parts.payload));
        (key.vtype, key.u.mem) = (RD_KAFKA_VTYPE_KEY, memory(parts.key));
        (user.vtype, user.u.ptr) = (RD_KAFKA_VTYPE_OPAQUE, parts.opaque);
        (time.vtype, time.u.i64_) = (RD_KAFKA_VTYPE_TIMESTAMP, parts.timestamp_ms);
        (heads.vtype, heads.u.headers) = (RD_KAFKA_VTYPE_HEADERS, parts.headers);
        let count = if parts.headers.is_null() {
            arguments.len() - 1
        } else {
            arguments.len()
        };
        // SAFETY: every argument has the member of the union that its type says; the bytes live during the call and
        // are copied. The headers become librdkafka's where it takes the message, and stay the caller's where not.
        unsafe {
            let error = sys::rd_kafka_produceva(self.rk(), arguments.as_ptr(), count);
            if error.is_null() {
                return codes::NO_ERROR;
            }
            let code = codes::raw::rd_kafka_error_code(error);
            sys::rd_kafka_error_destroy(error);
            code
        }
    }
}

/// A message in pieces.
pub struct Parts<'a> {
    pub topic: TopicHandle,
    pub partition: i32,
    pub payload: Option<&'a [u8]>,
    pub key: Option<&'a [u8]>,
    /// May be null.
    pub headers: *mut sys::rd_kafka_headers_t,
    /// 0: the time of the call.
    pub timestamp_ms: i64,
    pub opaque: *mut c_void,
}

fn raw(bytes: Option<&[u8]>) -> (*mut c_void, usize) {
    bytes.map_or((std::ptr::null_mut(), 0), |bytes| {
        (bytes.as_ptr().cast_mut().cast(), bytes.len())
    })
}

fn memory(bytes: Option<&[u8]>) -> sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
    let (ptr, size) = raw(bytes);
    sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr, size }
}

fn empty_argument() -> sys::rd_kafka_vu_t {
    let u = sys::rd_kafka_vu_s__bindgen_ty_1 { _pad: [0; 64] };
    sys::rd_kafka_vu_t {
        vtype: sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
        u,
    }
}

/// Null where the message has none. Names go with their length: they may be any bytes.
fn native_headers(messages: &Messages, slot: &Slot) -> *mut sys::rd_kafka_headers_t {
    if slot.headers == 0 {
        return std::ptr::null_mut();
    }
    // SAFETY: a new list, filled with copies of bytes that live during the calls.
    unsafe {
        let headers = sys::rd_kafka_headers_new(slot.headers as usize);
        for (name, value) in messages.headers_of(slot) {
            let (value, size) = raw(value);
            sys::rd_kafka_header_add(headers, name.as_ptr().cast(), name.len() as isize, value, size as isize);
        }
        headers
    }
}
