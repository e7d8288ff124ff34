//! Every metric there is. `docs/metrics.json` is this list for people and programs, and what is emitted refers to it by name.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Metric {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    #[serde(rename = "meaning")]
    pub help: &'static str,
    /// The event of the monitor that it belongs to.
    pub event: Option<&'static str>,
}

pub fn find(name: &str) -> Option<&'static Metric> {
    CATALOGUE.iter().find(|metric| metric.name == name)
}

/// The list, as `docs/metrics.json` has it.
pub fn json() -> String {
    serde_json::to_string_pretty(CATALOGUE).unwrap_or_default() + "\n"
}

type Row = (
    Kind,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
);

const fn metric((kind, name, unit, labels, event, help): Row) -> Metric {
    Metric {
        name,
        kind,
        unit,
        labels,
        help,
        event: if event.is_empty() { None } else { Some(event) },
    }
}

const GROUP: &[&str] = &["group"];
const TOPIC: &[&str] = &["group", "topic"];
const PARTITION: &[&str] = &["group", "topic", "partition"];
const PRODUCED: &[&str] = &["topic"];

/// In the order in which it is emitted.
#[rustfmt::skip]
pub static CATALOGUE: &[Metric] = &[
    metric((Kind::Counter, "karafka_fetched_messages_total", "messages", TOPIC, "",
        "Messages taken from what librdkafka has fetched, before filters.")),
    metric((Kind::Counter, "karafka_fetched_bytes_total", "bytes", TOPIC, "",
        "Bytes of payloads and keys of fetched messages.")),
    metric((Kind::Counter, "karafka_consumed_messages_total", "messages", TOPIC, "consumer.consumed",
        "Messages that consume has processed. One that fails counts when it is processed after all, one that comes again \
        after a seek each time.")),
    metric((Kind::Counter, "karafka_consumed_bytes_total", "bytes", TOPIC, "consumer.consumed",
        "Bytes of payloads, keys and headers of consumed messages.")),
    metric((Kind::Counter, "karafka_consumed_batches_total", "batches", TOPIC, "consumer.consumed",
        "Batches that went to a consumer, also those that failed.")),
    metric((Kind::Counter, "karafka_retried_messages_total", "messages", TOPIC, "consumer.consuming.retry",
        "Messages of failed batches that come again, counted each time.")),
    metric((Kind::Counter, "karafka_filtered_messages_total", "messages", TOPIC, "filtering.skipped",
        "Messages that `only` left out.")),
    metric((Kind::Counter, "karafka_expired_messages_total", "messages", TOPIC, "filtering.skipped",
        "Messages that were older than `expire_after`.")),
    metric((Kind::Counter, "karafka_dead_letters_total", "messages", TOPIC, "dead_letter_queue.dispatched",
        "Messages sent to a dead letter queue.")),
    metric((Kind::Counter, "karafka_moved_messages_total", "messages", TOPIC, "retry_topics.dispatched",
        "Messages moved to a retry topic.")),
    metric((Kind::Counter, "karafka_skipped_messages_total", "messages", TOPIC, "consumer.consuming.skipped",
        "Messages left out after a failure without a copy elsewhere.")),
    metric((Kind::Counter, "karafka_abandoned_batches_total", "batches", TOPIC, "error.occurred",
        "Batches that were dropped without an end; they are delivered again.")),
    metric((Kind::Histogram, "karafka_batch_messages", "messages", TOPIC, "consumer.consumed",
        "Messages in a batch.")),
    metric((Kind::Histogram, "karafka_processing_seconds", "seconds", TOPIC, "consumer.consumed",
        "From handing a batch out to its end.")),
    metric((Kind::Histogram, "karafka_waiting_seconds", "seconds", TOPIC, "consumer.consume",
        "From the arrival of a batch's first message in the process to handing it out.")),
    metric((Kind::Histogram, "karafka_message_age_seconds", "seconds", TOPIC, "consumer.consume",
        "From the timestamp of a batch's first message to handing it out.")),
    metric((Kind::Histogram, "karafka_gvl_wait_seconds", "seconds", &[], "",
        "How long a worker with a batch waited for Ruby's lock.")),
    metric((Kind::Counter, "karafka_commits_total", "commits", &["group", "result"], "offsets.committed",
        "Answers to commits; result is ok or failed.")),
    metric((Kind::Histogram, "karafka_commit_seconds", "seconds", GROUP, "offsets.committed",
        "From sending a commit to its answer.")),
    metric((Kind::Counter, "karafka_rebalances_total", "rebalances", &["group", "cause"], "rebalance.partitions_assigned",
        "Times that partitions came or went; cause is assigned, revoked, lost, over_limit or stopping.")),
    metric((Kind::Histogram, "karafka_rebalance_seconds", "seconds", GROUP, "rebalance.partitions_assigned",
        "How long partitions took to come or to go, with the wait for batches that were out.")),
    metric((Kind::Counter, "karafka_errors_total", "errors", &["type"], "error.occurred",
        "Errors by the type of error.occurred.")),
    metric((Kind::Counter, "karafka_produced_messages_total", "messages", PRODUCED, "message.acknowledged",
        "Messages that a broker has confirmed.")),
    metric((Kind::Counter, "karafka_produced_bytes_total", "bytes", PRODUCED, "message.acknowledged",
        "Bytes of payloads and keys of produced messages.")),
    metric((Kind::Counter, "karafka_produce_failures_total", "messages", PRODUCED, "error.occurred",
        "Messages that could not be delivered.")),
    metric((Kind::Histogram, "karafka_produce_seconds", "seconds", PRODUCED, "message.acknowledged",
        "From the produce call to the broker's answer.")),
    metric((Kind::Counter, "karafka_spans_total", "spans", &["result"], "",
        "Spans that were sampled; result is exported, dropped (no room for them) or failed (the collector did not take them).")),
    metric((Kind::Gauge, "karafka_lag_messages", "messages", PARTITION, "",
        "Messages between the position and the end that the group may read. Only with config.http.partition_metrics.")),
    metric((Kind::Gauge, "karafka_lag_seconds", "seconds", PARTITION, "",
        "How old the next message is; 0 without lag, missing where it is not known. Only with config.http.partition_metrics.")),
    metric((Kind::Gauge, "karafka_position_offset", "offset", PARTITION, "",
        "The first offset that is not processed. Only with config.http.partition_metrics.")),
    metric((Kind::Gauge, "karafka_committed_offset", "offset", PARTITION, "",
        "The offset that a broker has confirmed. Only with config.http.partition_metrics.")),
    metric((Kind::Gauge, "karafka_high_watermark_offset", "offset", PARTITION, "",
        "The end of the log as far as it is known. Only with config.http.partition_metrics.")),
    metric((Kind::Gauge, "karafka_topic_lag_messages", "messages", TOPIC, "",
        "The lag of all assigned partitions of a topic together.")),
    metric((Kind::Gauge, "karafka_topic_lag_seconds", "seconds", TOPIC, "",
        "The largest lag in time among the assigned partitions of a topic.")),
    metric((Kind::Gauge, "karafka_assigned_partitions", "partitions", TOPIC, "rebalance.partitions_assigned",
        "Partitions that this process has.")),
    metric((Kind::Gauge, "karafka_paused_partitions", "partitions", &["group", "topic", "reason"], "client.pause",
        "Partitions that are not handed out; reason is operator, consumer, back_off or refused.")),
    metric((Kind::Gauge, "karafka_leases", "batches", TOPIC, "worker.process",
        "Batches that are with a worker.")),
    metric((Kind::Gauge, "karafka_oldest_lease_seconds", "seconds", TOPIC, "worker.process",
        "How long the oldest of these batches is with its worker.")),
    metric((Kind::Gauge, "karafka_poll_age_seconds", "seconds", GROUP, "connection.listener.fetch_loop",
        "How long ago the poll thread came round; 0 while a client ends.")),
    metric((Kind::Gauge, "karafka_ready_partitions", "partitions", &[], "",
        "Partitions that wait for a worker.")),
    metric((Kind::Gauge, "karafka_workers", "workers", &["state"], "worker.process",
        "Workers; state is busy or idle.")),
    metric((Kind::Gauge, "karafka_queued_bytes", "bytes", &[], "",
        "Memory of all batches that are alive.")),
    metric((Kind::Gauge, "karafka_fetch_buffer_bytes", "bytes", &[], "",
        "What librdkafka has fetched ahead, estimated.")),
    metric((Kind::Gauge, "karafka_produce_queue_messages", "messages", &[], "message.produced_async",
        "Messages of all producers without an answer yet.")),
    metric((Kind::Gauge, "karafka_resident_memory_bytes", "bytes", &[], "",
        "Resident memory of the process.")),
    metric((Kind::Gauge, "karafka_start_time_seconds", "seconds", &[], "app.running",
        "When the process began to be observed, in seconds since 1970.")),
    metric((Kind::Gauge, "karafka_info", "", &["version", "ruby", "librdkafka"], "",
        "Always 1; what runs is in the labels.")),
];
