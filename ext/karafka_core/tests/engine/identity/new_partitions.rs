//! "latest" is where a group begins: partitions and topics that come later are read from their beginning.

use std::time::Duration;

use karafka_core::config::TopicConfig;

use super::{latest, wait_for_new, NEW};
use crate::common::*;
use crate::real_kafka;

#[test]
fn with_latest_partitions_that_are_added_are_read_from_their_beginning_on_real_kafka() {
    let kafka = real_kafka!("with_latest_partitions_that_are_added_are_read_from_their_beginning_on_real_kafka");
    for restart in [false, true] {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..20);
        let group = latest(kafka.group(vec![topic_config(&topic)]));
        let id = group.id.clone();
        let mut harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
        wait_until("it has begun", || kafka.committed(&id, &topic, 0) == Some(20));
        if restart {
            harness.stop();
            kafka.add_partitions(&topic, 3);
            kafka.fill(&topic, 3, NEW..NEW + 30);
            harness = Harness::start(engine_config(vec![group]), 1, ack);
        } else {
            kafka.add_partitions(&topic, 3);
            kafka.fill(&topic, 3, NEW..NEW + 30);
        }
        wait_for_new(&harness, 30);
        assert_eq!(harness.log.messages(), 30, "and nothing that was there before");
    }
}

#[test]
fn with_latest_a_topic_that_later_matches_a_pattern_is_read_from_its_beginning_on_real_kafka() {
    let kafka =
        real_kafka!("with_latest_a_topic_that_later_matches_a_pattern_is_read_from_its_beginning_on_real_kafka");
    let prefix = unique("p");
    let old = kafka.topic_named(&format!("{prefix}.old"), 1);
    kafka.fill(&old, 1, 0..20);
    let pattern = TopicConfig {
        name: None,
        pattern: Some(format!("^{prefix}\\..*")),
        ..topic_config("")
    };
    let group = latest(kafka.group(vec![pattern]));
    let id = group.id.clone();
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    wait_until("it has begun", || kafka.committed(&id, &old, 0) == Some(20));
    let new = kafka.topic_named(&format!("{prefix}.new"), 2);
    kafka.fill(&new, 2, NEW..NEW + 30);
    wait_for_new(&harness, 30);
    assert_eq!(harness.log.messages(), 30);
}

#[test]
fn a_named_topic_that_is_missing_is_read_from_its_beginning_soon_after_it_is_made_on_real_kafka() {
    let kafka =
        real_kafka!("a_named_topic_that_is_missing_is_read_from_its_beginning_soon_after_it_is_made_on_real_kafka");
    let name = unique("late");
    let settings = [
        ("auto.offset.reset", "latest"),
        ("topic.metadata.refresh.interval.ms", "300000"),
    ];
    let group = with(kafka.group(vec![topic_config(&name)]), &settings);
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    // Until the engine has seen that it is missing.
    wait_until("it was asked for", || {
        harness.engine.state().unwrap().groups[0]
            .missing
            .iter()
            .any(|missing| **missing == *name)
    });
    assert!(
        harness.log.error_codes().is_empty(),
        "it may be created yet: {:?}",
        harness.log.error_codes()
    );
    kafka.topic_named(&name, 1);
    kafka.fill(&name, 1, NEW..NEW + 10);
    let made = std::time::Instant::now();
    wait_for_new(&harness, 10);
    assert!(made.elapsed() < Duration::from_secs(40), "{:?}", made.elapsed());
}

#[test]
fn the_old_way_skips_what_is_in_partitions_that_are_added_on_real_kafka() {
    let kafka = real_kafka!("the_old_way_skips_what_is_in_partitions_that_are_added_on_real_kafka");
    let topic = kafka.topic(1);
    let mut group = latest(kafka.group(vec![topic_config(&topic)]));
    group.skip_new_partitions = true;
    let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    harness.wait_for_assignment(1);
    harness.stop();
    kafka.add_partitions(&topic, 2);
    kafka.fill(&topic, 2, 0..20);
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_assignment(2);
    stays("nothing comes", Duration::from_secs(1), || harness.log.messages() == 0);
    kafka.fill(&topic, 2, 20..22);
    wait_until("what comes later", || harness.log.messages() == 2);
}
