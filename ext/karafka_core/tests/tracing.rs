//! Spans of what is sent, consumed and sent again. Tracing is on in this whole program.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "producer_support/mod.rs"]
mod support;

use std::sync::Mutex;
use std::time::Duration;

use common::*;
use karafka_core::lease::{Kind, Settlement, Wait};
use karafka_core::produce::{Draft, Messages, Producer};
use karafka_core::trace::{self, Context, Failure, Operation, Span};
use support::{complete, draft, send, settings, wait};

/// Of all tests of this program, as the queue is the process's.
static SPANS: Mutex<Vec<Span>> = Mutex::new(Vec::new());

fn begin() {
    trace::begin(1.0, 100_000);
}

/// Waits for that many spans of the topic, and takes them, the earliest first.
fn spans_of(topic: &str, operation: Operation, count: usize) -> Vec<Span> {
    let is_one = |span: &Span| *span.topic == *topic && span.operation == operation;
    wait_until("the spans", || {
        let mut spans = SPANS.lock().unwrap();
        spans.extend(trace::queue().take(1_000, Duration::ZERO).unwrap_or_default());
        trace::queue().done();
        spans.iter().filter(|span| is_one(span)).count() >= count
    });
    let mut spans = SPANS.lock().unwrap();
    let (mut found, others) = std::mem::take(&mut *spans).into_iter().partition(is_one);
    *spans = others;
    found.sort_by_key(|span| span.begun_ns);
    found
}

fn text(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|(key, _)| *key == name);
    found.map_or_else(String::new, |(_, value)| format!("{value:?}"))
}

on_both! {
    fn a_chain_is_linked_from_the_first_message_to_the_last(kafka) {
        begin();
        let (orders, invoices) = (kafka.topic(1), kafka.topic(1));
        let producer = Producer::new(settings(&kafka.brokers, &[])).unwrap();
        let set = send(&producer, &orders, &[Some(b"1"), Some(b"2")]);
        wait(&set);
        let sent = spans_of(&orders, Operation::Send, 2);
        assert_ne!(sent[0].context.trace_id, sent[1].context.trace_id);
        assert!(text(&sent[1], "messaging.kafka.offset").contains('1'));
        assert!(sent.iter().all(|span| span.ended_ns >= span.begun_ns && span.parent.is_none() && span.failure.is_none()));

        let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![whole_batches(&orders, 2)])]));
        let lease = take_messages(&harness);
        let batch = lease.trace().unwrap();
        assert_eq!(trace::current(), Some(batch));
        // What the worker's thread sends comes from the batch, and a message that it passes on is linked with its sender.
        let set = send(&producer, &invoices, &[Some(b"3")]);
        wait(&set);
        let mut passed_on = Messages::new(1 << 20, 1);
        for (name, value) in lease.messages().headers(0) {
            passed_on.header(name, value).unwrap();
        }
        passed_on.push(&draft(&invoices, Some(b"4"))).unwrap();
        wait(&complete(producer.dispatch(passed_on, 0).unwrap()));
        lease.trace_failure(Failure { kind: "ArgumentError".to_owned(), message: "no".to_owned() });
        lease.settle(Settlement::Retry { wait: Wait::For(Duration::from_millis(1)), alone: false });
        assert_eq!(trace::current(), None);
        let again = take_messages(&harness);
        assert_eq!(again.attempt(), 2);
        again.settle(Settlement::Ack);

        let batches = spans_of(&orders, Operation::Process, 2);
        assert_eq!(batches[0].context, batch);
        let senders: Vec<Context> = sent.iter().map(|span| span.context).collect();
        assert!(batches.iter().all(|span| span.links == senders && span.parent.is_none()));
        assert_eq!(batches[0].failure.as_ref().map(|failure| failure.kind.as_str()), Some("ArgumentError"));
        assert!(batches[1].failure.is_none() && text(&batches[1], "karafka.attempt").contains('2'));
        let further = spans_of(&invoices, Operation::Send, 2);
        assert!(further.iter().all(|span| span.parent == Some(batch.span_id) && span.context.trace_id == batch.trace_id));
        assert_eq!([further[0].links.clone(), further[1].links.clone()], [vec![], vec![senders[0]]]);
        harness.stop();
        let _ = producer.close(LONG);
    }

    fn a_message_has_the_context_of_its_own_span_and_nothing_else_changes(kafka) {
        begin();
        let topic = kafka.topic(1);
        let producer = Producer::new(settings(&kafka.brokers, &[])).unwrap();
        let outer = Context::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap();
        let mut messages = Messages::new(1 << 20, 2);
        for (name, value) in [("a", "1"), ("traceparent", "no context"), ("b", "2")] {
            messages.header(name.as_bytes(), Some(value.as_bytes())).unwrap();
        }
        messages.push(&draft(&topic, Some(b"1"))).unwrap();
        messages.header(trace::HEADER, Some(&outer.header())).unwrap();
        messages.push(&Draft { key: Some(b"k"), ..draft(&topic, Some(b"2")) }).unwrap();
        wait(&complete(producer.dispatch(messages, 0).unwrap()));
        // The second one is not sampled, as who it comes from.
        let sent = spans_of(&topic, Operation::Send, 1);
        assert_eq!(sent.len(), 1);

        let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![whole_batches(&topic, 2)])]));
        let lease = take_messages(&harness);
        let headers = |index| {
            let headers = lease.messages().headers(index);
            headers.map(|(name, value)| (name.to_vec(), value.unwrap().to_vec())).collect::<Vec<_>>()
        };
        let (first, second) = (headers(0), headers(1));
        let names: Vec<_> = first.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(names, ["a", "b", "traceparent"]);
        assert_eq!(Context::parse(&first[2].1), Some(sent[0].context));
        let unsampled = Context::parse(&second[0].1).unwrap();
        assert_eq!((second.len(), unsampled.trace_id, unsampled.sampled), (1, outer.trace_id, false));
        assert_ne!(unsampled.span_id, outer.span_id);
        assert_eq!(lease.trace().map(|context| context.sampled), Some(true));
        lease.settle(Settlement::Ack);
        assert_eq!(spans_of(&topic, Operation::Process, 1)[0].links, [sent[0].context]);
        harness.stop();
        let _ = producer.close(LONG);
    }
}

/// The next lease with messages.
fn take_messages(harness: &Harness) -> karafka_core::lease::Lease {
    loop {
        let lease = harness.take();
        if lease.kind() == Kind::Consume {
            return lease;
        }
        lease.settle(Settlement::Ack);
    }
}
