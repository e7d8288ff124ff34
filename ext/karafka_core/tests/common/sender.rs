//! A producer that can send anything.

use std::ffi::CString;

use rdkafka::bindings as sys;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};

use super::LONG;

pub type Header = (Vec<u8>, Option<Vec<u8>>);

#[derive(Debug, Clone, Default)]
pub struct Message {
    pub topic: String,
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<Header>,
    pub timestamp_ms: i64,
}

impl Message {
    pub fn to(topic: &str) -> Self {
        Message {
            topic: topic.to_owned(),
            ..Message::default()
        }
    }
}

/// Sends through the C API: rust-rdkafka can't name a header that is not UTF-8.
pub struct Sender(BaseProducer);

impl Sender {
    pub fn new(brokers: &str, idempotent: bool) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("enable.idempotence", if idempotent { "true" } else { "false" })
            .set("message.max.bytes", "20000000")
            .set("queue.buffering.max.kbytes", "1000000")
            .set("queue.buffering.max.messages", "1000000")
            // What is sent at a time goes in one piece for each partition, so it arrives in one piece, too. Not longer: where a
            // flush comes before the first metadata it waits for this time.
            .set("linger.ms", "50")
            .create()
            .expect("a producer");
        Sender(producer)
    }

    pub fn send(&self, message: &Message) {
        use sys::rd_kafka_vtype_t::*;
        let topic = CString::new(message.topic.as_str()).expect("a topic name");
        let bytes = |value: &Option<Vec<u8>>| {
            value.as_ref().map_or((std::ptr::null(), 0), |bytes| {
                (bytes.as_ptr().cast::<libc::c_void>(), bytes.len())
            })
        };
        let (payload, payload_len) = bytes(&message.payload);
        let (key, key_len) = bytes(&message.key);
        // SAFETY: a living producer; everything is copied (F_COPY); the header list goes over to librdkafka on success.
        let code = unsafe {
            let headers = sys::rd_kafka_headers_new(message.headers.len());
            for (name, value) in &message.headers {
                let (value, len) = bytes(value);
                sys::rd_kafka_header_add(headers, name.as_ptr().cast(), name.len() as isize, value, len as isize);
            }
            sys::rd_kafka_producev(
                self.0.client().native_ptr(),
                RD_KAFKA_VTYPE_TOPIC,
                topic.as_ptr(),
                RD_KAFKA_VTYPE_PARTITION,
                message.partition,
                RD_KAFKA_VTYPE_MSGFLAGS,
                sys::RD_KAFKA_MSG_F_COPY,
                RD_KAFKA_VTYPE_VALUE,
                payload,
                payload_len,
                RD_KAFKA_VTYPE_KEY,
                key,
                key_len,
                RD_KAFKA_VTYPE_HEADERS,
                headers,
                RD_KAFKA_VTYPE_TIMESTAMP,
                message.timestamp_ms,
                RD_KAFKA_VTYPE_END,
            )
        };
        assert_eq!(
            code,
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
            "{}",
            message.topic
        );
    }

    pub fn flush(&self) {
        self.0.flush(LONG).expect("everything is delivered");
    }
}
