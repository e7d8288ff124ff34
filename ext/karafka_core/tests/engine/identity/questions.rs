//! How often brokers are asked which topics there are.

use karafka_core::event::Event;

use crate::common::*;
use crate::on_both;

/// Statistics come so often, and wake the poll thread.
const INTERVAL_MS: &str = "50";
const LOOKS: usize = 40;
/// librdkafka asks at the start and every two seconds, and each of its answers is a question of the engine's. Asked without end it
/// would be once for each of the statistics at least.
const MOST: u64 = 20;

/// Questions about topics in each of the statistics so far.
fn questions(log: &Log) -> Vec<u64> {
    let sum = |event: &Event| match event {
        Event::Statistics { json, .. } => {
            let all: serde_json::Value = serde_json::from_str(json).expect("JSON");
            let brokers = all["brokers"].as_object().expect("brokers").values();
            Some(brokers.filter_map(|broker| broker["req"]["Metadata"].as_u64()).sum())
        }
        _ => None,
    };
    log.events.lock().iter().filter_map(sum).collect()
}

on_both! {
    fn an_answer_about_topics_is_one_question_and_no_more(kafka) {
        let topic = kafka.topic(4);
        kafka.fill(&topic, 4, 0..100);
        let group = with(kafka.group(vec![topic_config(&topic)]), &[("statistics.interval.ms", INTERVAL_MS)]);
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        harness.wait_for_messages(100);
        wait_until("some statistics", || questions(&harness.log).len() >= LOOKS);
        let asked = questions(&harness.log).into_iter().max().expect("statistics");
        assert!(asked <= MOST, "{asked} questions about topics");
    }
}
