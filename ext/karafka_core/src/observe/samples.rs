//! The metrics of this moment: what was counted, and what the look shows.

use super::parts::topics;
use super::Observer;
use crate::base::memory::own_resident_bytes;
use crate::consume::engine::Look;
use crate::metrics::{
    find, registry, GroupMetrics, Kind, Metric, ProducedMetrics, Reading, TopicMetrics, CATALOGUE, CAUSES,
};
use crate::produce::observing;

/// One line of a metric, or one histogram.
#[derive(Debug)]
pub struct Sample {
    pub metric: &'static Metric,
    /// In the order of the metric's labels.
    pub labels: Vec<String>,
    pub value: Value,
}

#[derive(Debug)]
pub enum Value {
    Number(f64),
    Histogram(Reading),
}

struct Samples(Vec<Sample>);

impl Samples {
    fn add(&mut self, name: &str, labels: &[&str], value: Value) {
        let metric = find(name);
        debug_assert!(
            metric.is_some_and(|metric| metric.labels.len() == labels.len()),
            "{name} is not in the catalogue with these labels"
        );
        if let Some(metric) = metric {
            self.0.push(Sample {
                metric,
                labels: labels.iter().map(|label| (*label).to_owned()).collect(),
                value,
            });
        }
    }

    fn number(&mut self, name: &str, labels: &[&str], value: f64) {
        self.add(name, labels, Value::Number(value));
    }
}

/// In the order of the catalogue.
pub(super) fn collect(observer: &Observer, look: Option<&Look>) -> Vec<Sample> {
    let mut samples = Samples(Vec::new());
    for one in registry().topics() {
        of_topic(&mut samples, &one);
    }
    for one in registry().groups() {
        of_group(&mut samples, &one);
    }
    for one in registry().all_produced() {
        of_produced(&mut samples, &one);
    }
    for (kind, count) in registry().errors() {
        samples.number("karafka_errors_total", &[&kind], count as f64);
    }
    samples.add(
        "karafka_gvl_wait_seconds",
        &[],
        Value::Histogram(registry().gvl_wait.read()),
    );
    let spans = &registry().spans;
    for (result, counter) in [
        ("exported", &spans.exported),
        ("dropped", &spans.dropped),
        ("failed", &spans.failed),
    ] {
        samples.number("karafka_spans_total", &[result], counter.get() as f64);
    }
    of_process(&mut samples, observer);
    if let Some(look) = look {
        of_look(&mut samples, look, observer.config.partition_metrics);
    }
    let place = |metric: &'static Metric| CATALOGUE.iter().position(|known| std::ptr::eq(known, metric));
    samples.0.sort_by_cached_key(|sample| place(sample.metric));
    samples.0
}

fn of_topic(samples: &mut Samples, one: &TopicMetrics) {
    let labels: &[&str] = &[&one.group, &one.topic];
    for (name, counter) in [
        ("karafka_fetched_messages_total", &one.fetched_messages),
        ("karafka_fetched_bytes_total", &one.fetched_bytes),
        ("karafka_consumed_messages_total", &one.consumed_messages),
        ("karafka_consumed_bytes_total", &one.consumed_bytes),
        ("karafka_consumed_batches_total", &one.consumed_batches),
        ("karafka_retried_messages_total", &one.retried_messages),
        ("karafka_filtered_messages_total", &one.filtered_messages),
        ("karafka_expired_messages_total", &one.expired_messages),
        ("karafka_dead_letters_total", &one.dead_letters),
        ("karafka_moved_messages_total", &one.moved_messages),
        ("karafka_skipped_messages_total", &one.skipped_messages),
        ("karafka_abandoned_batches_total", &one.abandoned_batches),
    ] {
        samples.number(name, labels, counter.get() as f64);
    }
    for (name, histogram) in [
        ("karafka_batch_messages", &one.batch_messages),
        ("karafka_processing_seconds", &one.processing),
        ("karafka_waiting_seconds", &one.waiting),
        ("karafka_message_age_seconds", &one.age),
    ] {
        samples.add(name, labels, Value::Histogram(histogram.read()));
    }
}

fn of_group(samples: &mut Samples, one: &GroupMetrics) {
    let group: &str = &one.group;
    samples.number("karafka_commits_total", &[group, "ok"], one.commits.get() as f64);
    samples.number(
        "karafka_commits_total",
        &[group, "failed"],
        one.failed_commits.get() as f64,
    );
    samples.add("karafka_commit_seconds", &[group], Value::Histogram(one.commit.read()));
    for cause in CAUSES {
        let count = one.rebalances(cause).get() as f64;
        samples.number("karafka_rebalances_total", &[group, cause.as_str()], count);
    }
    samples.add(
        "karafka_rebalance_seconds",
        &[group],
        Value::Histogram(one.rebalance.read()),
    );
}

fn of_produced(samples: &mut Samples, one: &ProducedMetrics) {
    let labels: &[&str] = &[&one.topic];
    samples.number("karafka_produced_messages_total", labels, one.messages.get() as f64);
    samples.number("karafka_produced_bytes_total", labels, one.bytes.get() as f64);
    samples.number("karafka_produce_failures_total", labels, one.failed.get() as f64);
    samples.add("karafka_produce_seconds", labels, Value::Histogram(one.latency.read()));
}

fn of_process(samples: &mut Samples, observer: &Observer) {
    let queued: usize = observing::look().iter().map(|one| one.queued).sum();
    samples.number("karafka_produce_queue_messages", &[], queued as f64);
    if let Some(bytes) = own_resident_bytes() {
        samples.number("karafka_resident_memory_bytes", &[], bytes as f64);
    }
    samples.number("karafka_start_time_seconds", &[], observer.began_ms as f64 / 1_000.0);
    let version = |name: &str| observer.config.versions.get(name).map_or("", String::as_str);
    let versions = [version("karafka_rs"), version("ruby"), version("librdkafka")];
    samples.number("karafka_info", &versions, 1.0);
}

fn of_look(samples: &mut Samples, look: &Look, of_partitions: bool) {
    for ((group, topic), part) in topics(look) {
        let labels: &[&str] = &[group, &topic];
        if let Some(lag) = part.lag() {
            samples.number("karafka_topic_lag_messages", labels, lag as f64);
        }
        if let Some(lag_ms) = part.lag_ms() {
            samples.number("karafka_topic_lag_seconds", labels, lag_ms as f64 / 1_000.0);
        }
        samples.number("karafka_assigned_partitions", labels, part.partitions.len() as f64);
        for (reason, count) in part.paused() {
            samples.number("karafka_paused_partitions", &[group, &topic, reason], count as f64);
        }
        samples.number("karafka_leases", labels, part.leases() as f64);
        let oldest = part.oldest_lease().unwrap_or_default();
        samples.number("karafka_oldest_lease_seconds", labels, oldest.as_secs_f64());
        for one in part.partitions.iter().filter(|_| of_partitions) {
            let number = one.partition.to_string();
            let labels: &[&str] = &[group, &topic, &number];
            if let Some(lag) = one.lag {
                samples.number("karafka_lag_messages", labels, lag as f64);
            }
            if let Some(lag_ms) = one.lag_ms {
                samples.number("karafka_lag_seconds", labels, lag_ms as f64 / 1_000.0);
            }
            for (name, offset) in [
                ("karafka_position_offset", one.position),
                ("karafka_committed_offset", one.committed),
                ("karafka_high_watermark_offset", one.high_watermark),
            ] {
                if offset >= 0 {
                    samples.number(name, labels, offset as f64);
                }
            }
        }
    }
    let mut ages = std::collections::BTreeMap::new();
    for group in &look.groups {
        let age = ages.entry(group.group.as_str()).or_insert(group.poll_age);
        *age = group.poll_age.max(*age);
    }
    for (group, age) in ages {
        samples.number("karafka_poll_age_seconds", &[group], age.as_secs_f64());
    }
    samples.number("karafka_ready_partitions", &[], look.ready as f64);
    let busy = look.workers.iter().filter(|worker| worker.work.is_some()).count();
    samples.number("karafka_workers", &["busy"], busy as f64);
    samples.number("karafka_workers", &["idle"], (look.workers.len() - busy) as f64);
    samples.number("karafka_queued_bytes", &[], look.held_bytes as f64);
    samples.number("karafka_fetch_buffer_bytes", &[], look.fetched_bytes as f64);
}

impl Sample {
    pub fn is_of_times(&self) -> bool {
        self.metric.kind == Kind::Histogram && self.metric.unit == "seconds"
    }
}
