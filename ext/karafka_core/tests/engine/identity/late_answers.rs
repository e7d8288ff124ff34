//! The question which topic stands behind a name is answered late, or not at all.

use std::time::Duration;

use karafka_core::config::{GroupConfig, ParallelConfig, Spread, TopicConfig};
use karafka_core::event::Event;

use super::{is_recreated, latest, of_new, wait_for_new, NEW};
use crate::common::*;
use crate::real_kafka;

/// Metadata come again and again meanwhile, or the answer takes longer than a second.
const DELAYS_MS: [u64; 2] = [150, 1_500];

/// A group has read 20 messages of a topic. Then there is another one with 200, and the question is answered late.
fn recreated_while_answers_are_late(kafka: &Kafka, delay_ms: u64, change: impl Fn(&mut GroupConfig)) {
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..20);
    let proxy = TopicsProxy::start(&kafka.brokers);
    let mut group = proxy.group(kafka.group(vec![topic_config(&topic)]));
    change(&mut group);
    let id = group.id.clone();
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    wait_until("committed", || kafka.committed(&id, &topic, 0) == Some(20));
    proxy.hold_all();
    proxy.delay(Some(Duration::from_millis(delay_ms)));
    kafka.recreate_topic(&topic, 1);
    kafka.fill(&topic, 1, NEW..NEW + 200);
    proxy.go_on();
    wait_for_new(&harness, 200);
    wait_until("it is told", || harness.log.has_event(is_recreated));
    wait_until("all of the new one is committed", || {
        kafka.committed(&id, &topic, 0) == Some(200)
    });
    wait_until_still("no more are delivered", || harness.log.messages());
    assert_eq!(
        of_new(&harness),
        Vec::from_iter(NEW..NEW + 200),
        "each of them once, {delay_ms} ms late"
    );
}

#[test]
fn messages_of_the_new_topic_wait_for_an_answer_that_is_late_on_real_kafka() {
    let kafka = real_kafka!("messages_of_the_new_topic_wait_for_an_answer_that_is_late_on_real_kafka");
    for delay_ms in DELAYS_MS {
        recreated_while_answers_are_late(&kafka, delay_ms, |_| {});
    }
}

#[test]
fn with_parallel_messages_of_the_new_topic_wait_for_an_answer_that_is_late_on_real_kafka() {
    let kafka = real_kafka!("with_parallel_messages_of_the_new_topic_wait_for_an_answer_that_is_late_on_real_kafka");
    let parallel = |group: &mut GroupConfig| {
        group.topics[0].parallel = Some(ParallelConfig {
            by: Spread::None,
            limit: 4,
        });
    };
    for delay_ms in DELAYS_MS {
        recreated_while_answers_are_late(&kafka, delay_ms, parallel);
    }
}

/// Nothing goes on as if there had been an answer, and that nobody answers is reported.
#[test]
fn messages_wait_for_as_long_as_nobody_answers_on_real_kafka() {
    let kafka = real_kafka!("messages_wait_for_as_long_as_nobody_answers_on_real_kafka");
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..20);
    let proxy = TopicsProxy::start(&kafka.brokers);
    let group = proxy.group(kafka.group(vec![topic_config(&topic)]));
    let id = group.id.clone();
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    wait_until("committed", || kafka.committed(&id, &topic, 0) == Some(20));
    proxy.hold_all();
    proxy.delay(None);
    kafka.recreate_topic(&topic, 1);
    kafka.fill(&topic, 1, NEW..NEW + 200);
    proxy.go_on();
    let is_reported = |event: &Event| matches!(event, Event::Error { error, .. } if error.message.contains("which topics its names stand for"));
    wait_until("it is reported", || harness.log.has_event(is_reported));
    assert_eq!(of_new(&harness), [0; 0], "nobody knows what they are");
    proxy.delay(Some(Duration::ZERO));
    wait_for_new(&harness, 200);
    wait_until_still("no more are delivered", || harness.log.messages());
    assert_eq!(of_new(&harness), Vec::from_iter(NEW..NEW + 200), "each of them once");
}

/// A worker still has messages of the old topic, and marks them while the answer is under way.
#[test]
fn a_mark_that_is_made_before_the_late_answer_says_nothing_about_the_new_topic_on_real_kafka() {
    let kafka =
        real_kafka!("a_mark_that_is_made_before_the_late_answer_says_nothing_about_the_new_topic_on_real_kafka");
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..20);
    let proxy = TopicsProxy::start(&kafka.brokers);
    let group = proxy.group(kafka.group(vec![whole_batches(&topic, 20)]));
    let id = group.id.clone();
    let harness = Harness::without_workers(engine_config(vec![group]));
    let lease = harness.take();
    assert_eq!(lease.messages().last_offset(), Some(19));
    proxy.hold_all();
    proxy.delay(Some(Duration::from_millis(1_500)));
    kafka.recreate_topic(&topic, 1);
    kafka.fill(&topic, 1, NEW..NEW + 50);
    proxy.go_on();
    // It may still be ours: nobody knows yet. What it commits is of the old topic.
    lease.ack();
    let harness = harness.with_workers(1, ack);
    wait_for_new(&harness, 50);
    wait_until_still("no more are delivered", || harness.log.messages());
    assert_eq!(of_new(&harness), Vec::from_iter(NEW..NEW + 50), "each of them once");
    wait_until("committed", || kafka.committed(&id, &topic, 0) == Some(50));
}

/// Else a topic that is made later would count as one from before the start, and begin at its end.
#[test]
fn with_latest_a_pattern_is_subscribed_once_brokers_have_said_which_topics_exist_on_real_kafka() {
    let kafka =
        real_kafka!("with_latest_a_pattern_is_subscribed_once_brokers_have_said_which_topics_exist_on_real_kafka");
    let prefix = unique("p");
    let proxy = TopicsProxy::start(&kafka.brokers);
    let pattern = TopicConfig {
        name: None,
        pattern: Some(format!("^{prefix}\\..*")),
        ..topic_config("")
    };
    kafka.topic_named(&format!("{prefix}.old"), 1);
    let group = latest(proxy.group(kafka.group(vec![pattern])));
    proxy.hold_all();
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    // The first question for all topics has failed by then.
    stays("nothing is known", Duration::from_secs(7), || harness.assigned() == 0);
    proxy.go_on();
    harness.wait_for_assignment(1);
    let topic = kafka.topic_named(&format!("{prefix}.new"), 1);
    kafka.fill(&topic, 1, NEW..NEW + 30);
    wait_for_new(&harness, 30);
}
