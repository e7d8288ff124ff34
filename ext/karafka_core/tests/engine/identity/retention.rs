//! Messages that retention deleted before they were read are reported.

use std::time::Duration;

use karafka_core::event::Event;

use crate::common::*;
use crate::real_kafka;

#[test]
fn what_retention_took_from_a_paused_consumer_is_told_and_counted_on_real_kafka() {
    let kafka = real_kafka!("what_retention_took_from_a_paused_consumer_is_told_and_counted_on_real_kafka");
    for reset in ["earliest", "latest"] {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let mut group = kafka.group(vec![whole_batches(&topic, 10)]);
        group.kafka.insert("queued.min.messages".into(), "1".into());
        let group_id = group.id.clone();
        kafka.commit(&group_id, &topic, 0, "");
        group.kafka.insert("auto.offset.reset".into(), reset.into());
        let harness = Harness::without_workers(engine_config(vec![group.clone()]));
        let lease = harness.take();
        assert_eq!(offsets(&lease), Vec::from_iter(0..10));
        lease.ack();
        wait_until("committed", || kafka.committed(&group_id, &topic, 0) == Some(10));
        drop(harness);
        kafka.fill(&topic, 1, 10..100);
        kafka.delete_records(&topic, 0, 54);
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        harness.wait_for_messages(46);
        assert_eq!(harness.log.offsets(0), Vec::from_iter(54..100));
        let told = |event: &Event| {
            matches!(
                event,
                Event::Overtaken {
                    partition: 0,
                    from: 10,
                    to: 54,
                    ..
                }
            )
        };
        wait_until("it is told", || harness.log.count_events(told) == 1);
    }
}

/// A pause with an offset, and a seek, move reading: what lies behind that offset counts as not read.
#[test]
fn what_retention_took_behind_a_pause_with_an_offset_is_told_and_counted_on_real_kafka() {
    let kafka = real_kafka!("what_retention_took_behind_a_pause_with_an_offset_is_told_and_counted_on_real_kafka");
    for (reset, pauses_at, told_from) in [
        ("earliest", 10, 10),
        ("earliest", 3, 7),
        ("latest", 10, 10),
        ("error", 10, 10),
    ] {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let mut group = kafka.group(vec![whole_batches(&topic, 10)]);
        kafka.commit(&group.id, &topic, 0, "");
        group.kafka.insert("auto.offset.reset".into(), reset.into());
        let harness = Harness::without_workers(engine_config(vec![group]));
        let lease = harness.take();
        assert_eq!(offsets(&lease), Vec::from_iter(0..10));
        assert!(lease.mark(if pauses_at == 10 { 9 } else { 6 }));
        assert!(lease.pause(Some(pauses_at), None));
        lease.release();
        kafka.fill(&topic, 1, 10..100);
        kafka.delete_records(&topic, 0, 54);
        lease.resume();
        let overtaken =
            |event: &Event| matches!(event, Event::Overtaken { partition: 0, from, to: 54, .. } if *from == told_from);
        let refused = |event: &Event| {
            matches!(event, Event::Error { error, .. } if error.code == "auto_offset_reset"
                && error.message.contains("offset 10 of")
                && error.message.contains(&format!("--topic {topic} --partition 0 --to PLACE")))
        };
        if reset == "error" {
            wait_until("it is refused", || {
                harness.take_within(Duration::from_millis(100)).is_none() && harness.log.count_events(refused) >= 1
            });
            continue;
        }
        assert_eq!(offsets(&harness.take())[0], 54);
        wait_until("it is told", || harness.log.count_events(overtaken) == 1);
    }
}

#[test]
fn with_error_nothing_is_passed_in_silence_on_real_kafka() {
    let kafka = real_kafka!("with_error_nothing_is_passed_in_silence_on_real_kafka");
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..100);
    let group = with(
        kafka.group(vec![topic_config(&topic)]),
        &[("auto.offset.reset", "error")],
    );
    let said = |event: &Event, what: &str| {
        matches!(event, Event::Error { error, .. } if error.code == "auto_offset_reset"
            && error.topic.as_deref() == Some(&*topic) && error.partition == Some(0) && error.message.contains(what))
    };
    let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    wait_until("it is said, and again", || {
        harness.log.count_events(|event| said(event, "has committed no offset")) >= 2
    });
    assert_eq!(harness.log.messages(), 0);
    let state = harness.engine.state().unwrap();
    assert!(
        state
            .waiting
            .iter()
            .any(|waiting| waiting.partition == 0 && waiting.refused),
        "{state:?}"
    );
    harness.stop();
    kafka.commit(&group.id, &topic, 10, "");
    kafka.delete_records(&topic, 0, 54);
    let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    wait_until("it is said, and again", || {
        harness.log.count_events(|event| said(event, "offset 10 of")) >= 2
    });
    assert_eq!(harness.log.messages(), 0);
    harness.stop();
    kafka.commit(&group.id, &topic, 60, "");
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_messages(40);
    assert_eq!(harness.log.offsets(0), Vec::from_iter(60..100));
}
