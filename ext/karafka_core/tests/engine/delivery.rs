//! Every message once, in order, whole; how batches are cut.

use std::time::{Duration, Instant};

use karafka_core::lease::Kind;

use crate::common::*;
use crate::on_both;

on_both! {
    fn every_message_arrives_once_and_in_order_per_partition(kafka) {
        let topic = kafka.topic(4);
        kafka.fill(&topic, 4, 0..8_000);
        let harness = Harness::start(engine_config(vec![kafka.group(vec![topic_config(&topic)])]), 3, ack);
        harness.wait_for_messages(4_000);
        kafka.fill(&topic, 4, 8_000..12_000);
        harness.wait_for_messages(12_000);
        for partition in 0..4 {
            assert_eq!(harness.log.offsets(partition), (0..3_000).collect::<Vec<i64>>());
        }
        let mut numbers: Vec<u64> = harness.log.payloads().iter().map(|text| text.parse().expect("a number")).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..12_000).collect::<Vec<u64>>());
        harness.stop();
    }

    fn a_message_arrives_as_it_was_sent(kafka) {
        let topic = kafka.topic(1);
        let sent = Message {
            key: Some(b"key".to_vec()),
            payload: Some(b"payload".to_vec()),
            headers: vec![(b"a".to_vec(), Some(b"1".to_vec())), (b"b".to_vec(), None), (b"a".to_vec(), Some(b"2".to_vec()))],
            timestamp_ms: 1_600_000_000_123,
            ..Message::to(&topic)
        };
        let sender = kafka.producer();
        sender.send(&sent);
        sender.send(&Message { payload: Some(b"next".to_vec()), ..Message::to(&topic) });
        sender.flush();
        let config = engine_config(vec![kafka.group(vec![topic_config(&topic)])]);
        let harness = Harness::without_workers(config);
        let lease = harness.take();
        let messages = lease.messages();
        assert_eq!(messages.payload(0), Some(&b"payload"[..]));
        assert_eq!(messages.key(0), Some(&b"key"[..]));
        assert_eq!(messages.timestamp_ms(0), Some(1_600_000_000_123));
        assert_eq!(messages.offset(0), Some(0));
        let headers: Vec<Header> =
            messages.headers(0).map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect();
        assert_eq!(headers, sent.headers);
        assert!(messages.batch().received_at_ms() > 1_700_000_000_000);
        if messages.len() > 1 {
            assert_eq!(messages.headers(1).count(), 0);
            assert_eq!(messages.key(1), None);
        }
        assert_eq!(messages.payload(messages.len()), None);
        lease.ack();
    }
}

#[test]
fn no_batch_is_larger_than_max_messages() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..1_000);
    let mut config = topic_config(&topic);
    config.max_messages = 7;
    let harness = Harness::start(engine_config(vec![kafka.group(vec![config])]), 2, ack);
    harness.wait_for_messages(1_000);
    assert!(harness.log.of(Kind::Consume).iter().all(|seen| seen.offsets.len() <= 7));
    assert_eq!(harness.log.offsets(0), (0..500).collect::<Vec<i64>>());
}

#[test]
fn no_batch_is_larger_than_max_bytes_but_each_has_a_message() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let sender = kafka.producer();
    let sizes: Vec<usize> = (0..200)
        .map(|index| if index % 10 == 3 { 3_000 } else { 100 })
        .collect();
    for size in &sizes {
        sender.send(&Message {
            payload: Some(vec![b'x'; *size]),
            ..Message::to(&topic)
        });
    }
    sender.flush();
    let mut config = topic_config(&topic);
    config.max_bytes = 1_000;
    let harness = Harness::start(engine_config(vec![kafka.group(vec![config])]), 1, ack);
    harness.wait_for_messages(200);
    for seen in harness.log.of(Kind::Consume) {
        let bytes: usize = seen.payloads.iter().map(String::len).sum();
        assert!(
            bytes <= 1_000 || seen.offsets.len() == 1,
            "{bytes} bytes in {} messages",
            seen.offsets.len()
        );
    }
    assert_eq!(harness.log.offsets(0), (0..200).collect::<Vec<i64>>());
}

#[test]
fn an_unfilled_batch_waits_for_max_wait_time_and_takes_what_comes_meanwhile() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let mut config = topic_config(&topic);
        config.max_wait_time_ms = 2_500;
        let harness = Harness::start(engine_config(vec![kafka.group(vec![config])]), 2, ack);
        harness.wait_for_assignment(1);
        for round in 0..2 {
            let sent = Instant::now();
            kafka.fill(&topic, 1, 0..3);
            kafka.fill(&topic, 1, 3..5);
            harness.wait_for_messages(5 * (round + 1));
            let batches = harness.log.of(Kind::Consume);
            assert_eq!(batches.len(), round + 1, "one batch each time: {batches:?}");
            let waited = batches[round].at - sent;
            assert!(waited >= Duration::from_millis(2_450), "{waited:?}");
        }
    });
}

#[test]
fn a_full_batch_does_not_wait() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let mut config = topic_config(&topic);
    config.max_wait_time_ms = 600_000;
    config.max_messages = 10;
    let harness = Harness::start(engine_config(vec![kafka.group(vec![config])]), 1, ack);
    kafka.fill(&topic, 1, 0..25);
    harness.wait_for_messages(20);
    assert_eq!(harness.log.count(Kind::Consume), 2);
    stays("the rest waits", Duration::from_millis(200), || {
        harness.log.messages() == 20
    });
    kafka.fill(&topic, 1, 25..30);
    harness.wait_for_messages(30);
}

#[test]
fn a_batch_that_waits_does_not_hold_up_the_stop() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let mut config = topic_config(&topic);
        config.max_wait_time_ms = 600_000;
        kafka.fill(&topic, 1, 0..3);
        let harness = Harness::start(engine_config(vec![kafka.group(vec![config])]), 1, ack);
        harness.wait_for_assignment(1);
        let (took, log) = harness.stop();
        assert_eq!(log.messages(), 0);
        took
    });
}

#[test]
fn several_topics_and_groups_share_one_engine() {
    let kafka = Kafka::mock(1);
    let topics: Vec<String> = (0..3).map(|_| kafka.topic(2)).collect();
    for topic in &topics {
        kafka.fill(topic, 2, 0..300);
    }
    let first = kafka.group(vec![topic_config(&topics[0]), topic_config(&topics[1])]);
    let second = kafka.group(vec![topic_config(&topics[1]), topic_config(&topics[2])]);
    let harness = Harness::start(engine_config(vec![first, second]), 3, ack);
    harness.wait_for_messages(1_200);
    for (group, topic) in [(0, 0), (0, 1), (1, 1), (1, 2)] {
        let seen = harness.log.of(Kind::Consume);
        let count: usize = seen
            .iter()
            .filter(|s| s.group_index == group && s.topic == topics[topic])
            .map(|s| s.offsets.len())
            .sum();
        assert_eq!(count, 300, "group {group} topic {topic}");
    }
    harness.stop();
}

#[test]
fn a_pattern_takes_the_topics_it_matches_and_new_ones() {
    let kafka = Kafka::mock(1);
    let prefix = unique("p");
    let first = kafka.topic_named(&format!("{prefix}.a"), 1);
    kafka.topic_named(&unique("other"), 1);
    kafka.fill(&first, 1, 0..10);
    let mut config = topic_config("");
    config.name = None;
    config.pattern = Some(format!("^{prefix}\\."));
    let mut group = kafka.group(vec![config]);
    group
        .kafka
        .insert("topic.metadata.refresh.interval.ms".into(), "300".into());
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_messages(10);
    let second = kafka.topic_named(&format!("{prefix}.b"), 1);
    kafka.fill(&second, 1, 0..10);
    harness.wait_for_messages(20);
    assert!(harness.log.of(Kind::Consume).iter().any(|seen| seen.topic == second));
}

#[test]
fn a_slow_partition_does_not_hold_up_the_others() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(3);
    kafka.fill(&topic, 3, 0..3_000);
    let gate = std::sync::Arc::new(parking_lot::Mutex::new(()));
    let closed = gate.lock();
    let harness = {
        let gate = gate.clone();
        Harness::start(
            engine_config(vec![kafka.group(vec![topic_config(&topic)])]),
            2,
            move |lease| {
                if lease.partition().number == 0 {
                    drop(gate.lock());
                }
                lease.ack();
            },
        )
    };
    wait_until("partitions 1 and 2 are read", || {
        harness.log.offsets(1).len() == 1_000 && harness.log.offsets(2).len() == 1_000
    });
    wait_until("partition 0 is out", || !harness.log.offsets(0).is_empty());
    stays("one lease of a partition at a time", Duration::from_millis(100), || {
        harness.log.offsets(0).len() <= 100
    });
    drop(closed);
    harness.wait_for_messages(3_000);
}

/// What arrives while part of a batch still waits in memory is told of only once.
#[test]
fn messages_that_come_while_the_rest_of_a_batch_waits_are_delivered_after_it() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let send = || {
        let sender = kafka.producer();
        for _ in 0..3 {
            sender.send(&Message {
                payload: Some(vec![b'x'; 1_000]),
                ..Message::to(&topic)
            });
        }
        sender.flush();
    };
    let mut config = topic_config(&topic);
    config.max_bytes = 1_000;
    config.max_wait_time_ms = 300;
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![config])]));
    send();
    let first = harness.take();
    assert_eq!(first.messages().len(), 1);
    send();
    stays("librdkafka has fetched the rest", Duration::from_millis(400), || true);
    first.ack();
    for offset in 1..6 {
        let lease = harness.take();
        assert_eq!(lease.messages().first_offset(), Some(offset));
        lease.ack();
    }
}
