//! What the producer tests share.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::mock_broker::MockBroker;
use karafka_core::produce::{DeliverySet, Draft, Event, Messages, Producer, Progress, Waited};
use rdkafka::bindings as sys;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

/// Longer than anything here takes; a test that gets here has failed.
pub const LONG: Duration = Duration::from_secs(120);

pub fn broker(topics: &[(&str, i32)]) -> MockBroker {
    let broker = MockBroker::new(1).unwrap();
    for (name, partitions) in topics {
        broker.create_topic(name, *partitions, 1).unwrap();
    }
    broker
}

pub fn settings(servers: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = [("bootstrap.servers".to_owned(), servers.to_owned())].into();
    // Not info: the tests that lose brokers on purpose would fill the event queue with it.
    all.insert("log_level".to_owned(), "0".to_owned());
    all.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    all
}

pub fn producer(broker: &MockBroker, more: &[(&str, &str)]) -> Producer {
    Producer::new(settings(&broker.bootstrap_servers(), more)).unwrap()
}

pub fn draft<'a>(topic: &'a str, payload: Option<&'a [u8]>) -> Draft<'a> {
    Draft {
        topic: Some(topic.as_bytes()),
        payload,
        ..Draft::default()
    }
}

pub fn messages(topic: &str, payloads: &[Option<&[u8]>]) -> Messages {
    let mut messages = Messages::new(1 << 20, payloads.len());
    for payload in payloads {
        messages.push(&draft(topic, *payload)).unwrap();
    }
    messages
}

pub fn complete(mut dispatch: karafka_core::produce::Dispatch<'_>) -> Arc<DeliverySet> {
    let progress = dispatch.run(Some(Instant::now() + LONG), &Cancel::new()).unwrap();
    assert!(matches!(progress, Progress::Complete), "{progress:?}");
    Arc::clone(dispatch.deliveries())
}

pub fn send(producer: &Producer, topic: &str, payloads: &[Option<&[u8]>]) -> Arc<DeliverySet> {
    complete(producer.dispatch(messages(topic, payloads), 0).unwrap())
}

pub fn wait(set: &Arc<DeliverySet>) -> Waited {
    set.wait(Some(Instant::now() + LONG), &Cancel::new()).unwrap()
}

/// Takes events until one of them is enough.
pub fn events_until(producer: &Producer, mut enough: impl FnMut(&Event) -> bool) -> Vec<Event> {
    let deadline = Instant::now() + LONG;
    while Instant::now() < deadline {
        let events = producer
            .events()
            .unwrap()
            .take(Duration::from_secs(1), &Cancel::new())
            .unwrap_or_default();
        if events.iter().any(&mut enough) {
            return events;
        }
    }
    panic!("the event never came");
}

pub struct Read {
    pub payload: Option<Vec<u8>>,
    pub key: Option<Vec<u8>>,
    pub timestamp: i64,
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn owned(pointer: *const libc::c_void, len: usize) -> Option<Vec<u8>> {
    // SAFETY: the callers give pointers into a live message with their lengths.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), len) }.to_vec())
}

/// Reads partition 0 through the C API: the crate's own reader panics on header names that are not UTF-8.
pub fn read(broker: &MockBroker, topic: &str, count: usize) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("group.id", "reader")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut found = Vec::new();
    let deadline = Instant::now() + LONG;
    while found.len() < count && Instant::now() < deadline {
        // SAFETY: the consumer is alive; each message is destroyed after it was copied.
        unsafe {
            let message = sys::rd_kafka_consumer_poll(consumer.client().native_ptr(), 100);
            if message.is_null() {
                continue;
            }
            if (*message).err as i32 == 0 {
                let mut headers = Vec::new();
                let mut list = std::ptr::null_mut();
                if sys::rd_kafka_message_headers(message, &mut list) as i32 == 0 {
                    let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
                    while sys::rd_kafka_header_get_all(list, headers.len(), &mut name, &mut value, &mut size) as i32
                        == 0
                    {
                        headers.push((std::ffi::CStr::from_ptr(name).to_bytes().to_vec(), owned(value, size)));
                    }
                }
                let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
                found.push(Read {
                    payload: owned((*message).payload, (*message).len),
                    key: owned((*message).key, (*message).key_len),
                    timestamp: sys::rd_kafka_message_timestamp(message, &mut kind),
                    headers,
                });
            }
            sys::rd_kafka_message_destroy(message);
        }
    }
    found
}

/// Of a child process, within a deadline; None: it is stuck (and was killed).
pub fn exit_code(child: libc::pid_t) -> Option<i32> {
    let deadline = Instant::now() + LONG;
    let mut status = 0;
    while Instant::now() < deadline {
        // SAFETY: a child of ours.
        if unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == child {
            return Some(libc::WEXITSTATUS(status)).filter(|_| libc::WIFEXITED(status));
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    // SAFETY: the child we made.
    unsafe { libc::kill(child, libc::SIGKILL) };
    None
}
