//! Pauses of an operator.

use std::time::Duration;

use karafka_core::config::{ParallelConfig, Spread};
use karafka_core::lease::Wait;
use karafka_core::operator_pauses::OperatorPause;
use karafka_core::partition::Standing;

use crate::common::*;

#[test]
fn what_is_paused_from_outside_comes_when_that_is_resumed() {
    let kafka = Kafka::mock(1);
    let (held, free) = (kafka.topic(1), kafka.topic(1));
    let group = kafka.group(vec![topic_config(&held), topic_config(&free)]);
    let id = group.kafka["group.id"].clone();
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    harness.wait_for_assignment(2);
    assert_eq!(harness.engine.pause(OperatorPause::default()), 2);
    kafka.fill(&held, 1, 0..5);
    kafka.fill(&free, 1, 0..5);
    stays("paused", Duration::from_millis(400), || harness.log.messages() == 0);
    let topic = OperatorPause {
        topic: Some(held.clone()),
        ..OperatorPause::default()
    };
    harness.engine.resume(&OperatorPause::default());
    harness.wait_for_messages(10);
    assert_eq!(harness.engine.pause(topic.clone()), 1);
    kafka.fill(&held, 1, 5..10);
    kafka.fill(&free, 1, 5..10);
    wait_until("the other topic goes on", || harness.log.messages() >= 15);
    stays("paused", Duration::from_millis(300), || harness.log.messages() == 15);
    assert_eq!(harness.engine.state().unwrap().paused, [topic]);
    harness.engine.resume(&OperatorPause {
        group: Some(id),
        ..OperatorPause::default()
    });
    stays("of another pause", Duration::from_millis(200), || {
        harness.log.messages() == 15
    });
    harness.engine.resume(&OperatorPause::default());
    harness.wait_for_messages(20);
}

#[test]
fn a_paused_process_stops_at_once() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let harness = Harness::start(engine_config(vec![kafka.group(vec![topic_config(&topic)])]), 1, ack);
        harness.engine.pause(OperatorPause::default());
        kafka.fill(&topic, 1, 0..5);
        harness.wait_for_assignment(1);
        let (took, log) = harness.stop();
        assert_eq!(log.messages(), 0);
        took
    });
}

#[test]
fn a_message_is_behind_at_or_ahead_of_what_its_consumer_has() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..4);
    let group = kafka.group(vec![whole_batches(&topic, 4)]);
    let harness = Harness::without_workers(engine_config(vec![group]));
    assert_eq!(
        harness.engine.whereabouts(None, &topic, 1, 0),
        [],
        "of no such partition"
    );
    let standing = |offset| harness.engine.whereabouts(None, &topic, 0, offset)[0].standing;
    let lease = harness.take();
    lease.mark(1);
    assert_eq!(
        [1, 2, 3, 4].map(standing),
        [Standing::Passed, Standing::Reached, Standing::Reached, Standing::Ahead]
    );
    let seen = harness.engine.whereabouts(None, &topic, 0, 2).remove(0);
    assert_eq!((seen.position, seen.held, seen.processing.is_some()), (2, false, true));
    lease.retry(Wait::UntilResumed, false);
    assert_eq!(standing(3), Standing::Reached);
    harness.engine.end_back_off(None, &topic, 0);
    let again = harness.take();
    assert_eq!((again.messages().first_offset(), again.attempt()), (Some(2), 2));
    again.skip_message(3, true);
    assert_eq!(standing(3), Standing::Passed, "it is left out");
    let rest = harness.take();
    rest.pause(None, None);
    rest.ack();
    harness.engine.end_back_off(None, &topic, 0);
    kafka.fill(&topic, 1, 4..5);
    let handed_over = || harness.engine.state().unwrap().waiting.is_empty();
    stays("the pause of its consumer", Duration::from_millis(200), || {
        !handed_over()
    });
    harness.with_workers(1, ack).stop();
}

#[test]
fn of_a_paused_partition_it_is_known_where_its_next_message_stands() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..2);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![whole_batches(&topic, 2)])]));
    let lease = harness.take();
    harness.engine.pause(OperatorPause::default());
    lease.retry(Wait::For(Duration::from_secs(600)), false);
    harness.engine.end_back_off(None, &topic, 0);
    let seen = harness.engine.whereabouts(None, &topic, 0, 0).remove(0);
    assert_eq!(
        (seen.standing, seen.held, seen.processing),
        (Standing::Reached, true, None)
    );
    // The back-off has ended meanwhile, so what was paused comes at once.
    harness.engine.resume(&OperatorPause::default());
    assert_eq!(harness.take().attempt(), 2);
    harness.with_workers(1, ack).stop();
}

#[test]
fn a_lane_that_failed_is_tried_again_at_once_and_knows_its_message() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..3);
    let mut config = topic_config(&topic);
    config.max_messages = 1;
    config.parallel = Some(ParallelConfig {
        limit: 3,
        by: Spread::None,
    });
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![config])]));
    let leases: Vec<_> = (0..3).map(|_| harness.take()).collect();
    leases[1].ack();
    leases[0].retry(Wait::For(Duration::from_secs(600)), false);
    let standing = |offset| harness.engine.whereabouts(None, &topic, 0, offset)[0].standing;
    assert_eq!(
        [0, 1, 2].map(standing),
        [Standing::Reached, Standing::Passed, Standing::Reached]
    );
    harness.engine.end_back_off(None, &topic, 0);
    let again = harness.take();
    assert_eq!((again.messages().first_offset(), again.attempt()), (Some(0), 2));
    drop((again, leases));
    harness.with_workers(1, ack).stop();
}
