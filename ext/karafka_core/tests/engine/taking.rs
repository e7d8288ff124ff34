//! Messages are taken out of librdkafka's queue many at a time. What that brings beyond a batch is kept for the next one, and what
//! librdkafka notes of errors and ends among them does not move the reader.

use karafka_core::config::TopicConfig;
use karafka_core::partition::Position;

use crate::common::*;
use crate::on_both;

const SMALL: usize = 100;
const LARGE: usize = 60;
const ALL: i64 = (SMALL + LARGE) as i64;
const MAX_BYTES: usize = 100_000;

/// Small messages, then large ones. A batch of the large ones is full long before it has as many as were taken.
fn small_and_large(kafka: &Kafka) -> Harness {
    let topic = kafka.topic(1);
    let sender = kafka.producer();
    for number in 0..SMALL + LARGE {
        let size = if number < SMALL { 10 } else { MAX_BYTES / 4 };
        sender.send(&Message {
            partition: 0,
            payload: Some(vec![b' '; size]),
            ..Message::to(&topic)
        });
    }
    sender.flush();
    let topic = TopicConfig {
        max_bytes: MAX_BYTES,
        ..topic_config(&topic)
    };
    let group = with(kafka.group(vec![topic]), &[("statistics.interval.ms", "50")]);
    let harness = Harness::without_workers(engine_config(vec![group]));
    wait_until("much of it waits", || harness.log.queued() > SMALL as u64);
    harness
}

on_both! {
    fn what_does_not_fit_into_a_batch_is_in_the_next_one(kafka) {
        let harness = small_and_large(kafka).with_workers(1, ack);
        harness.wait_for_messages(ALL as usize);
        let (_, log) = harness.stop();
        assert_eq!(log.offsets(0), (0..ALL).collect::<Vec<_>>());
        for seen in log.seen.lock().iter() {
            let bytes: usize = seen.payloads.iter().map(String::len).sum();
            assert!(bytes <= MAX_BYTES, "{bytes} bytes");
        }
    }

    fn what_did_not_fit_is_dropped_by_a_seek(kafka) {
        let harness = small_and_large(kafka);
        while harness.log.messages() <= SMALL {
            harness.take().ack();
        }
        let lease = harness.take();
        assert!(lease.seek(Position::Offset(5), true));
        lease.release();
        harness.log.seen.lock().clear();
        let harness = harness.with_workers(1, ack);
        harness.wait_for_messages(ALL as usize - 5);
        let (_, log) = harness.stop();
        assert_eq!(log.offsets(0), (5..ALL).collect::<Vec<_>>());
    }
}
