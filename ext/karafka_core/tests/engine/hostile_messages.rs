//! What a producer may send although nobody expects it.

use karafka_core::lease::Lease;

use crate::common::*;
use crate::on_both;

fn headers(lease: &Lease, index: usize) -> Vec<Header> {
    lease
        .messages()
        .headers(index)
        .map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec)))
        .collect()
}

fn round_trip(kafka: &Kafka, topic: &str, sent: &[Message]) {
    let sender = kafka.producer();
    for message in sent {
        sender.send(message);
    }
    sender.flush();
    let mut group = kafka.group(vec![topic_config(topic)]);
    group.kafka.insert("fetch.message.max.bytes".into(), "20000000".into());
    group
        .kafka
        .insert("receive.message.max.bytes".into(), "100000000".into());
    let harness = Harness::without_workers(engine_config(vec![group]));
    let mut at = 0;
    while at < sent.len() {
        let lease = harness.take();
        for index in 0..lease.messages().len() {
            let (sent, messages) = (&sent[at], lease.messages());
            assert_eq!(messages.offset(index), Some(at as i64));
            assert!(
                messages.payload(index).map(<[u8]>::to_vec) == sent.payload,
                "payload of {at}"
            );
            assert_eq!(messages.key(index).map(<[u8]>::to_vec), sent.key, "key of {at}");
            assert!(headers(&lease, index) == sent.headers, "headers of {at}");
            at += 1;
        }
        lease.ack();
    }
}

on_both! {
    fn header_names_and_values_that_are_not_utf_8(kafka) {
        let topic = kafka.topic(1);
        let header = |name: &[u8], value: Option<&[u8]>| (name.to_vec(), value.map(<[u8]>::to_vec));
        round_trip(kafka, &topic, &[
            Message { headers: vec![header(b"\xff\xfe", Some(b"\x00\xff")), header(b"\xc3\x28", None)], ..Message::to(&topic) },
            Message { headers: vec![header(b"", Some(b"")), header(b"", None)], ..Message::to(&topic) },
            Message { payload: Some(b"plain".to_vec()), ..Message::to(&topic) },
            Message { headers: vec![header("ä".as_bytes(), Some("ß".as_bytes()))], ..Message::to(&topic) },
        ]);
    }

    fn empty_and_null_keys_and_payloads_differ(kafka) {
        let topic = kafka.topic(1);
        let choices = [None, Some(Vec::new()), Some(b"x".to_vec()), Some(b"\x00\xff\x00".to_vec())];
        let mut sent = Vec::new();
        for key in &choices {
            for payload in &choices {
                sent.push(Message { key: key.clone(), payload: payload.clone(), ..Message::to(&topic) });
            }
        }
        round_trip(kafka, &topic, &sent);
    }

    fn many_headers(kafka) {
        let topic = kafka.topic(1);
        let headers: Vec<Header> =
            (0..2_000).map(|n| (format!("name-{n}").into_bytes(), Some(format!("value-{n}").into_bytes()))).collect();
        round_trip(kafka, &topic, &[
            Message { headers: headers.clone(), ..Message::to(&topic) },
            Message::to(&topic),
            Message { headers, ..Message::to(&topic) },
        ]);
    }

    fn a_topic_name_at_the_limit(kafka) {
        let topic = unique("t");
        let topic = kafka.topic_named(&format!("{topic}{}", "x".repeat(249 - topic.len())), 1);
        round_trip(kafka, &topic, &[Message { payload: Some(b"x".to_vec()), ..Message::to(&topic) }]);
    }
}

#[test]
fn messages_of_four_megabytes_on_the_mock() {
    large(&Kafka::mock(1), 4_000_000, 1);
}

#[test]
fn messages_of_ten_megabytes_on_real_kafka() {
    large(
        &crate::real_kafka!("messages_of_ten_megabytes_on_real_kafka"),
        10_000_000,
        4,
    );
}

/// The mock keeps 5 MB a partition.
fn large(kafka: &Kafka, bytes: usize, count: u8) {
    let topic = kafka.topic(1);
    let mut sent = vec![Message {
        payload: Some(b"small".to_vec()),
        ..Message::to(&topic)
    }];
    sent.extend((0..count).map(|n| Message {
        payload: Some(vec![n; bytes]),
        ..Message::to(&topic)
    }));
    round_trip(kafka, &topic, &sent);
}
