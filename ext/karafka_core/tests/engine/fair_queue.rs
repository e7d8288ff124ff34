//! Whose turn it is: priorities, groups of different sizes, and a number of workers that changes.

use karafka_core::config::TopicConfig;

use crate::common::*;

#[test]
fn a_topic_of_low_priority_gets_its_share_and_one_of_high_priority_more() {
    let kafka = Kafka::mock(1);
    let topics: Vec<String> = (0..3).map(|_| kafka.topic(2)).collect();
    for topic in &topics {
        kafka.fill(topic, 2, 0..2_000);
    }
    let configs = topics.iter().zip([100, 10, 1]).map(|(topic, priority)| TopicConfig {
        priority,
        max_messages: 1,
        ..topic_config(topic)
    });
    let harness = Harness::without_workers(engine_config(vec![kafka.group(configs.collect())]));
    harness.wait_for_assignment(6);
    wait_until("all are ready", || harness.engine.state().unwrap().ready == 6);
    // A partition that runs dry because the broker is slow takes no part.
    wait_until_still("all is fetched", || harness.engine.state().unwrap().fetched_bytes);
    let harness = harness.with_workers(1, ack);
    harness.wait_for_messages(1_110);
    let seen = harness.log.seen.lock();
    let share = |topic: &String| seen.iter().take(1_110).filter(|seen| seen.topic == *topic).count();
    let shares: Vec<usize> = topics.iter().map(share).collect();
    assert!(
        shares[0] > 4 * shares[1] && shares[1] > 4 * shares[2] && shares[2] >= 5,
        "{shares:?}"
    );
}

#[test]
fn no_group_starves_while_another_has_many_busy_partitions() {
    let kafka = Kafka::mock(1);
    let (busy, quiet) = (kafka.topic(30), kafka.topic(1));
    kafka.fill(&busy, 30, 0..6_000);
    kafka.fill(&quiet, 1, 0..20);
    let config = |topic: &str| TopicConfig {
        max_messages: 1,
        ..topic_config(topic)
    };
    let groups = vec![kafka.group(vec![config(&busy)]), kafka.group(vec![config(&quiet)])];
    let harness = Harness::without_workers(engine_config(groups));
    wait_until("all are ready", || harness.engine.state().unwrap().ready == 31);
    let harness = harness.with_workers(1, ack);
    wait_until("the small group is done", || {
        harness
            .log
            .seen
            .lock()
            .iter()
            .filter(|seen| seen.topic == quiet)
            .count()
            >= 20
    });
    let seen = harness.log.seen.lock();
    let before = seen.iter().filter(|seen| seen.topic == quiet).count();
    let first = seen.iter().position(|seen| seen.topic == quiet).unwrap();
    let last = seen.iter().rposition(|seen| seen.topic == quiet).unwrap();
    assert!(last - first <= 31 * before, "a turn in each round: {first} to {last}");
}

#[test]
fn fewer_workers_end_after_their_leases_and_more_can_stay() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(4);
        let harness = Harness::start(engine_config(vec![kafka.group(vec![topic_config(&topic)])]), 4, ack);
        harness.wait_for_assignment(4);
        harness.engine.retire(3).unwrap();
        wait_until("three have gone", || {
            harness.workers.iter().filter(|worker| worker.is_finished()).count() == 3
        });
        kafka.fill(&topic, 4, 0..40);
        harness.wait_for_messages(40);
        assert_eq!(harness.engine.retain(5).unwrap(), 0, "they are gone");
        let (took, _) = harness.stop();
        took
    });
}
