//! Pauses of an operator.

use std::time::Duration;

use karafka_core::holds::Hold;

use crate::common::*;

#[test]
fn what_is_paused_from_outside_comes_when_that_is_resumed() {
    let kafka = Kafka::mock(1);
    let (held, free) = (kafka.topic(1), kafka.topic(1));
    let group = kafka.group(vec![topic_config(&held), topic_config(&free)]);
    let id = group.kafka["group.id"].clone();
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    harness.wait_for_assignment(2);
    assert_eq!(harness.engine.pause(Hold::default()), 2);
    kafka.fill(&held, 1, 0..5);
    kafka.fill(&free, 1, 0..5);
    stays("paused", Duration::from_millis(400), || harness.log.messages() == 0);
    let topic = Hold {
        topic: Some(held.clone()),
        ..Hold::default()
    };
    harness.engine.resume(&Hold::default());
    harness.wait_for_messages(10);
    assert_eq!(harness.engine.pause(topic.clone()), 1);
    kafka.fill(&held, 1, 5..10);
    kafka.fill(&free, 1, 5..10);
    wait_until("the other topic goes on", || harness.log.messages() >= 15);
    stays("paused", Duration::from_millis(300), || harness.log.messages() == 15);
    assert_eq!(harness.engine.state().unwrap().paused, [topic]);
    harness.engine.resume(&Hold {
        group: Some(id),
        ..Hold::default()
    });
    stays("of another pause", Duration::from_millis(200), || {
        harness.log.messages() == 15
    });
    harness.engine.resume(&Hold::default());
    harness.wait_for_messages(20);
}

#[test]
fn a_paused_process_stops_at_once() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let harness = Harness::start(engine_config(vec![kafka.group(vec![topic_config(&topic)])]), 1, ack);
        harness.engine.pause(Hold::default());
        kafka.fill(&topic, 1, 0..5);
        harness.wait_for_assignment(1);
        let (took, log) = harness.stop();
        assert_eq!(log.messages(), 0);
        took
    });
}
