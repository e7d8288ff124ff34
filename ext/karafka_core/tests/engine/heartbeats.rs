//! With KIP-848 the coordinator says once what a member has.

use std::time::Duration;

use karafka_core::event::Event;

use crate::common::*;
use crate::real_kafka;

/// Heartbeats go every 5 seconds: one that times out, one whose connection is cut, one that is answered, and one of the other member.
const SOON: Duration = Duration::from_secs(60);

/// A member that has partitions says everything with no heartbeat of its own accord.
#[test]
fn a_member_that_missed_what_it_is_to_give_up_hears_of_it_within_seconds() {
    let kafka = real_kafka!("a_member_that_missed_what_it_is_to_give_up_hears_of_it_within_seconds");
    let topic = kafka.topic(4);
    let group = with(kafka.group(vec![topic_config(&topic)]), &KIP_848);
    let proxy = CoordinatorProxy::start(&kafka.brokers);
    let proxied = with(group.clone(), &[("bootstrap.servers", &proxy.address)]);
    let first = Harness::start(engine_config(vec![proxied]), 1, ack);
    first.wait_for_assignment(4);
    proxy.keep_one();
    let second = Harness::start(engine_config(vec![group]), 1, ack);
    wait_until("the answer is lost", || proxy.has_kept());
    wait_within(SOON, "two partitions each", || {
        first.assigned() == 2 && second.assigned() == 2
    });
    kafka.fill(&topic, 4, 0..40);
    wait_until("all messages", || {
        first.log.payloads().len() + second.log.payloads().len() == 40
    });
    assert!(first.log.has_event(|event| {
        matches!(event, Event::Error { error, .. } if error.to_string().contains("did not answer"))
    }));
    first.stop();
    second.stop();
}
