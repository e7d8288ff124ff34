//! The producer on librdkafka's mock cluster. Every wait has a deadline.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
#[path = "common/proxy.rs"]
mod proxy;
#[path = "producer_support/mod.rs"]
mod support;
#[path = "common/without_id.rs"]
mod without_id;

use std::sync::{Arc, Weak};
use std::time::Instant;

use karafka_core::cancel::Cancel;
use karafka_core::produce::{DeliverySet, Draft, Event, FatalError, Messages, Producer, Progress, Waited};
use support::*;

#[test]
fn delivers_and_reports_partition_and_offset() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[]);
    assert_eq!(producer.queue_size(), 0);
    let set = send(&producer, "orders", &[Some(b"one"), Some(b"two"), Some(b"three")]);
    assert_eq!(wait(&set), Waited::Done);
    let reports: Vec<_> = (0..3).map(|index| set.report(index).unwrap()).collect();
    let found: Vec<_> = reports
        .iter()
        .map(|report| (report.partition, report.offset, report.error.clone()))
        .collect();
    assert_eq!(found, [(0, 0, None), (0, 1, None), (0, 2, None)]);
    assert_eq!(set.topic(2), Some("orders"));
    assert_eq!(set.report(3), None);
    assert!(producer.flush(LONG, &Cancel::new()).unwrap());
    assert_eq!(producer.queue_size(), 0);
    assert_eq!(producer.close(LONG).unwrap(), 0);
    assert_eq!(producer.close(LONG).unwrap(), 0);
}

// librdkafka (2.12.1) crashes on an answer to DescribeCluster without the id.
#[test]
fn an_idempotent_producer_sends_to_a_cluster_that_has_no_id() {
    let broker = broker(&[("orders", 1)]);
    let address = proxy::start_proxy(&broker.bootstrap_servers(), Arc::new(without_id::WithoutId));
    let producer = Producer::new(settings(&address, &[("enable.idempotence", "true")])).unwrap();
    let set = send(&producer, "orders", &[Some(b"x")]);
    assert_eq!(wait(&set), Waited::Done);
    assert_eq!(set.report(0).unwrap().error, None);
    assert_eq!(producer.close(LONG).unwrap(), 0);
}

#[test]
fn one_call_may_hold_several_topics() {
    let broker = broker(&[("a", 1), ("b", 1)]);
    let producer = producer(&broker, &[]);
    let mut messages = Messages::new(1 << 20, 3);
    for topic in ["a", "b", "a"] {
        messages.push(&draft(topic, Some(b"x"))).unwrap();
    }
    let set = complete(producer.dispatch(messages, 0).unwrap());
    assert_eq!(wait(&set), Waited::Done);
    let found: Vec<_> = (0..3)
        .map(|index| (set.topic(index).unwrap(), set.report(index).unwrap().offset))
        .collect();
    assert_eq!(found, [("a", 0), ("b", 0), ("a", 1)]);
}

#[test]
fn bytes_come_back_as_they_were_sent() {
    let broker = broker(&[("raw", 1)]);
    let producer = producer(&broker, &[]);
    let sent: [(&[u8], Option<&[u8]>); 5] = [
        (b"plain", Some(b"value")),
        (b"\xff\xfe", Some(b"\x00\xff")),
        (b"none", None),
        (b"empty", Some(b"")),
        (b"plain", Some(b"again")),
    ];
    let mut messages = Messages::new(1 << 20, 4);
    for (name, value) in sent {
        messages.header(name, value).unwrap();
    }
    let at = Some(1_700_000_000_123);
    let broken = draft("raw", Some(b"\xc3\x28"));
    messages
        .push(&Draft {
            key: Some(b"\xff\x00k"),
            timestamp_ms: at,
            ..broken
        })
        .unwrap();
    messages
        .push(&Draft {
            key: Some(b""),
            ..draft("raw", Some(b""))
        })
        .unwrap();
    messages.push(&draft("raw", None)).unwrap();
    messages
        .push(&Draft {
            timestamp_ms: at,
            ..draft("raw", None)
        })
        .unwrap();
    let set = complete(producer.dispatch(messages, 0).unwrap());
    assert_eq!(wait(&set), Waited::Done);

    let read = read(&broker, "raw", 4);
    assert_eq!(read[0].payload.as_deref(), Some(&b"\xc3\x28"[..]));
    assert_eq!(read[0].key.as_deref(), Some(&b"\xff\x00k"[..]));
    assert_eq!(Some(read[0].timestamp), at);
    let headers: Vec<_> = read[0]
        .headers
        .iter()
        .map(|(name, value)| (&name[..], value.as_deref()))
        .collect();
    assert_eq!(headers, sent);
    assert_eq!(
        (read[1].payload.as_deref(), read[1].key.as_deref()),
        (Some(&b""[..]), Some(&b""[..]))
    );
    assert_eq!((read[2].payload.as_deref(), read[2].key.as_deref()), (None, None));
    assert_eq!((read[3].payload.as_deref(), Some(read[3].timestamp)), (None, at));
}

#[test]
fn a_partition_key_goes_where_the_same_key_would_go() {
    let broker = broker(&[("spread", 7)]);
    let producer = producer(&broker, &[]);
    assert_eq!(
        producer.partition_count("spread", LONG, &Cancel::new()).unwrap(),
        Some(7)
    );
    for key in [&b"alpha"[..], b"beta", b"gamma", b"\xff"] {
        let plain = draft("spread", Some(b"x"));
        let mut messages = Messages::new(100, 2);
        messages
            .push(&Draft {
                key: Some(key),
                ..plain
            })
            .unwrap();
        messages
            .push(&Draft {
                partition_key: Some(key),
                ..plain
            })
            .unwrap();
        messages
            .push(&Draft {
                partition_key: Some(key),
                partition: Some(3),
                ..plain
            })
            .unwrap();
        let set = complete(producer.dispatch(messages, 0).unwrap());
        assert_eq!(wait(&set), Waited::Done);
        assert_eq!(set.report(0).unwrap().partition, set.report(1).unwrap().partition);
        assert_eq!(set.report(2).unwrap().partition, 3);
    }
}

#[test]
fn a_message_librdkafka_refuses_ends_the_call_and_those_before_it_are_sent() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[("message.max.bytes", "2000")]);
    let large = vec![b'x'; 3000];
    let mut dispatch = producer
        .dispatch(messages("orders", &[Some(b"fine"), Some(&large), Some(b"late")]), 0)
        .unwrap();
    let Progress::Refused(error) = dispatch.run(None, &Cancel::new()).unwrap() else {
        panic!("not refused")
    };
    assert_eq!((error.code.as_str(), dispatch.taken()), ("msg_size_too_large", 1));
    let set = Arc::clone(dispatch.deliveries());
    drop(dispatch);
    assert_eq!(wait(&set), Waited::Done);
    assert_eq!(set.report(0).unwrap().error, None);
    for index in 1..3 {
        assert_eq!(set.report(index).unwrap().error.unwrap().code, "msg_size_too_large");
    }
    assert!(producer.flush(LONG, &Cancel::new()).unwrap());
    assert_eq!(producer.queue_size(), 0);
}

#[test]
fn an_unknown_partition_is_refused_or_reported() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[]);
    let outcome = || {
        let mut messages = Messages::new(100, 1);
        messages
            .push(&Draft {
                partition: Some(9),
                ..draft("orders", Some(b"x"))
            })
            .unwrap();
        let mut dispatch = producer.dispatch(messages, 0).unwrap();
        let progress = dispatch.run(None, &Cancel::new()).unwrap();
        let set = Arc::clone(dispatch.deliveries());
        drop(dispatch);
        assert_eq!(wait(&set), Waited::Done);
        (
            matches!(progress, Progress::Refused(_)),
            set.report(0).unwrap().error.unwrap().code,
        )
    };
    // The first one comes before the topic's metadata does, so librdkafka takes it and finds out later.
    assert_eq!(outcome().1, "unknown_partition");
    assert_eq!(outcome(), (true, "unknown_partition".to_owned()));
}

#[test]
fn a_broker_that_is_down_fails_messages_after_their_timeout() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[("message.timeout.ms", "300")]);
    assert_eq!(wait(&send(&producer, "orders", &[Some(b"x")])), Waited::Done);
    broker.broker_down(1).unwrap();
    let set = send(&producer, "orders", &[Some(b"x")]);
    assert_eq!(
        set.wait(Some(Instant::now()), &Cancel::new()).unwrap(),
        Waited::TimedOut
    );
    assert_eq!(set.report(0), None);
    assert_eq!(wait(&set), Waited::Done);
    let error = set.report(0).unwrap().error.unwrap();
    assert_eq!(error.code, "msg_timed_out");
    assert_eq!((error.topic.as_deref(), error.partition), (Some("orders"), Some(0)));
    events_until(
        &producer,
        |event| matches!(event, Event::Error(error) if error.code == "all_brokers_down"),
    );
}

#[test]
fn deliveries_that_nobody_waits_for_are_freed() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[("queue.buffering.max.messages", "1000")]);
    let weak: Vec<Weak<DeliverySet>> = (0..100_000)
        .map(|_| Arc::downgrade(&send(&producer, "orders", &[Some(b"x")])))
        .collect();
    assert!(producer.flush(LONG, &Cancel::new()).unwrap());
    assert_eq!(weak.iter().filter(|set| set.upgrade().is_some()).count(), 0);
}

#[test]
fn reports_become_events_for_those_who_asked() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[]);
    wait(&send(&producer, "orders", &[Some(b"untagged")]));
    let tagged = complete(
        producer
            .dispatch(messages("orders", &[Some(b"x"), Some(b"y")]), 42)
            .unwrap(),
    );
    let mut seen = Vec::new();
    events_until(&producer, |event| {
        if let Event::Reports(reports) = event {
            seen.extend(reports.iter().map(|(set, index)| (set.tag(), *index)));
        }
        seen.len() >= 2
    });
    assert_eq!(seen, [(42, 0), (42, 1)]);
    assert!(tagged.is_done());
    producer.close(LONG).unwrap();
    assert!(std::iter::from_fn(|| producer.events().unwrap().take(LONG, &Cancel::new())).count() < 10);
}

#[test]
fn failures_become_events_also_where_nobody_asked() {
    let producer = Producer::new(settings("127.0.0.1:1", &[("message.timeout.ms", "200")])).unwrap();
    // Who is going to take them may come late to it.
    let _source = producer.events().unwrap();
    assert_eq!(wait(&send(&producer, "orders", &[Some(b"x")])), Waited::Done);
    let failed = |event: &Event| match event {
        Event::Reports(reports) => reports
            .iter()
            .any(|(set, index)| set.report(*index as usize).unwrap().error.is_some()),
        _ => false,
    };
    events_until(&producer, failed);
}

#[test]
fn a_fatal_error_is_told_with_what_is_behind_it() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[("enable.idempotence", "true")]);
    assert_eq!(wait(&send(&producer, "orders", &[Some(b"x")])), Waited::Done);
    producer
        .inject_fatal_error(FatalError::OutOfOrder, "as asked by a test")
        .unwrap();
    let mut dispatch = producer.dispatch(messages("orders", &[Some(b"y")]), 0).unwrap();
    let Progress::Refused(error) = dispatch.run(None, &Cancel::new()).unwrap() else {
        panic!("not refused")
    };
    assert!(error.fatal);
    assert_eq!(error.code, "out_of_order_sequence_number");
    events_until(
        &producer,
        |event| matches!(event, Event::Error(error) if error.fatal && error.code == "out_of_order_sequence_number"),
    );
}
