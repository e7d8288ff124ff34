//! librdkafka goes on after a pause where it thinks the reader was, and each cooperative rebalance pauses the partitions that stay.
//! The end of a partition and an error are in its queue beside the messages; neither is one.

use std::time::Duration;

use karafka_core::config::TopicConfig;
use karafka_core::event::Event;
use karafka_core::lease::Kind;

use crate::common::*;
use crate::real_kafka;

const PARTITIONS: u64 = 2;

/// Longer than a rebalance takes; only a failing test waits it out.
const SOON: Duration = Duration::from_secs(30);

/// Enough to be taken in one call.
const MANY: u64 = 30;

const TOPIC_AUTHORIZATION_FAILED: i32 = 29;

/// A member joins and leaves, `guests` times. `disturb` comes before the first one.
fn nothing_is_skipped_or_repeated(kafka: &Kafka, eofed: bool, guests: usize, disturb: impl FnOnce(&Harness)) {
    let topic = kafka.topic(PARTITIONS as i32);
    let config = TopicConfig {
        eofed,
        ..topic_config(&topic)
    };
    // The mock waits out most of the session timeout whenever a member joins or leaves.
    let session = if kafka.mock.is_some() { "2000" } else { "20000" };
    let group = with(
        kafka.group(vec![config]),
        &[
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("session.timeout.ms", session),
        ],
    );
    let mut sent = 0;
    let mut fill = || {
        kafka.fill(&topic, PARTITIONS as i32, sent..sent + 10);
        sent += 10;
        sent as usize
    };
    let total = fill();
    let stays = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    stays.wait_for_messages(total);
    disturb(&stays);
    let mut by_guests = Vec::new();
    for _ in 0..guests {
        let guest = Harness::start(engine_config(vec![group.clone()]), 1, ack);
        wait_until("both have one", || guest.assigned() == 1 && stays.assigned() == 1);
        let total = fill();
        wait_within(SOON, "everything is read beside the guest", || {
            stays.log.messages() + guest.log.messages() + by_guests.len() >= total
        });
        let (_, log) = guest.stop();
        by_guests.extend(log.payloads());
        stays.wait_for_assignment(PARTITIONS as usize);
        let total = fill();
        wait_within(SOON, "everything is read without the guest", || {
            stays.log.messages() + by_guests.len() >= total
        });
    }
    let (_, log) = stays.stop();
    by_guests.extend(log.payloads());
    let mut seen: Vec<u64> = by_guests.iter().map(|text| text.parse().expect("a number")).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..sent).collect::<Vec<_>>());
}

fn both_ends(harness: &Harness) {
    wait_until("the ends", || harness.log.count(Kind::Eofed) >= PARTITIONS as usize);
}

#[test]
fn a_pause_after_the_end_of_a_partition_skips_nothing_on_the_mock() {
    while_time_goes_on(|| nothing_is_skipped_or_repeated(&Kafka::mock(1), true, 1, both_ends));
}

#[test]
fn a_pause_after_the_end_of_a_partition_skips_nothing_on_real_kafka() {
    let kafka = real_kafka!("a_pause_after_the_end_of_a_partition_skips_nothing_on_real_kafka");
    nothing_is_skipped_or_repeated(&kafka, true, 3, both_ends);
}

#[test]
fn a_pause_after_an_error_of_a_partition_skips_nothing() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        nothing_is_skipped_or_repeated(&kafka, false, 1, |harness| {
            kafka.refuse("fetch", &[TOPIC_AUTHORIZATION_FAILED]);
            wait_until("the error", || {
                let codes = harness.log.error_codes();
                codes.contains(&"topic_authorization_failed".to_owned())
            });
        });
    });
}

#[test]
fn a_pause_after_errors_that_were_taken_with_many_messages_skips_nothing() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..MANY);
        let group = with(
            kafka.group(vec![topic_config(&topic)]),
            &[
                ("partition.assignment.strategy", "cooperative-sticky"),
                ("session.timeout.ms", "2000"),
                ("statistics.interval.ms", "50"),
            ],
        );
        let harness = Harness::without_workers(engine_config(vec![group.clone()]));
        // The messages, their end, and then nothing but errors.
        wait_until("the messages and the end", || harness.log.queued() > MANY);
        kafka.refuse("fetch", &[TOPIC_AUTHORIZATION_FAILED; 3]);
        wait_until("errors", || harness.log.queued() > MANY + 2);
        let stays = harness.with_workers(1, ack);
        stays.wait_for_messages(MANY as usize);
        let guest = Harness::start(engine_config(vec![group]), 1, ack);
        // It gets nothing. For the partition that stays it was a rebalance, and so a pause.
        let rounds = |log: &Log| log.count_events(|event| matches!(event, Event::Assigned { .. }));
        wait_until("both were in a round", || {
            rounds(&guest.log) > 0 && rounds(&stays.log) > 1
        });
        kafka.fill(&topic, 1, MANY..MANY + 10);
        stays.wait_for_messages(MANY as usize + 10);
        guest.stop();
        let (_, log) = stays.stop();
        assert_eq!(log.offsets(0), (0..MANY as i64 + 10).collect::<Vec<_>>());
    });
}
