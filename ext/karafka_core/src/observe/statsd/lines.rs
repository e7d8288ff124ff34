//! Samples as lines of StatsD. Counters are sent as what they have grown by, so are the buckets of histograms: of these an agent gets
//! the number, the average and three percentiles of the interval.

use std::collections::HashMap;
use std::fmt::Write;

use super::StatsdConfig;
use crate::metrics::{Kind, Reading};
use crate::observe::{Sample, Value};

const PERCENTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")];
const US_PER_SECOND: f64 = 1e6;

/// A metric's name, and its labels.
type Key = (&'static str, Vec<String>);

/// What was sent so far.
#[derive(Default)]
pub(super) struct Sent {
    counters: HashMap<Key, f64>,
    histograms: HashMap<Key, Reading>,
}

impl Sent {
    /// What is new since the last call, a metric a line.
    pub fn lines(&mut self, config: &StatsdConfig, samples: &[Sample]) -> Vec<String> {
        let mut lines = Vec::new();
        for sample in samples {
            let key = (sample.metric.name, sample.labels.clone());
            match &sample.value {
                Value::Number(value) if sample.metric.kind == Kind::Counter => {
                    let before = self.counters.insert(key, *value).unwrap_or(0.0);
                    if *value > before {
                        lines.push(line(config, sample, "", value - before, "c"));
                    }
                }
                Value::Number(value) => {
                    // Plain StatsD takes a sign for a change.
                    if *value < 0.0 && !config.tagged {
                        lines.push(line(config, sample, "", 0.0, "g"));
                    }
                    lines.push(line(config, sample, "", *value, "g"));
                }
                Value::Histogram(reading) => {
                    let scale = if sample.is_of_times() { US_PER_SECOND } else { 1.0 };
                    let interval = Interval::between(self.histograms.get(&key), reading);
                    self.histograms.insert(key, reading.clone());
                    if interval.count == 0 {
                        continue;
                    }
                    lines.push(line(config, sample, ".count", interval.count as f64, "c"));
                    let average = interval.sum as f64 / interval.count as f64 / scale;
                    lines.push(line(config, sample, ".avg", average, "g"));
                    for (share, name) in PERCENTILES {
                        let value = interval.percentile(reading.bounds, share) / scale;
                        lines.push(line(config, sample, &format!(".{name}"), value, "g"));
                    }
                }
            }
        }
        lines
    }
}

/// What a histogram has seen between two readings.
struct Interval {
    /// Not cumulated.
    buckets: Vec<u64>,
    count: u64,
    sum: u64,
}

impl Interval {
    fn between(before: Option<&Reading>, now: &Reading) -> Self {
        let grown = |index: usize, count: u64| {
            let known = before.and_then(|before| before.counts.get(index)).copied();
            count.saturating_sub(known.unwrap_or(0))
        };
        let cumulated: Vec<u64> = now
            .counts
            .iter()
            .enumerate()
            .map(|(at, count)| grown(at, *count))
            .collect();
        let mut below = 0;
        let buckets = cumulated.iter().map(|count| {
            let own = count.saturating_sub(below);
            below = *count;
            own
        });
        Interval {
            buckets: buckets.collect(),
            count: cumulated.last().copied().unwrap_or(0),
            sum: now.sum.saturating_sub(before.map_or(0, |before| before.sum)),
        }
    }

    /// As if the values of a bucket were spread evenly in it. What no bucket holds counts as the highest bound.
    fn percentile(&self, bounds: &[u64], share: f64) -> f64 {
        let wanted = share * self.count as f64;
        let mut below = 0.0;
        for (index, count) in self.buckets.iter().enumerate() {
            let count = *count as f64;
            if count > 0.0 && below + count >= wanted {
                let lower = index.checked_sub(1).and_then(|index| bounds.get(index)).copied();
                let lower = lower.unwrap_or(0) as f64;
                let upper = bounds.get(index).map_or(lower, |bound| *bound as f64);
                return lower + (upper - lower) * ((wanted - below) / count);
            }
            below += count;
        }
        bounds.last().map_or(0.0, |bound| *bound as f64)
    }
}

fn line(config: &StatsdConfig, sample: &Sample, suffix: &str, value: f64, kind: &str) -> String {
    let name = sample
        .metric
        .name
        .trim_start_matches("karafka_")
        .trim_end_matches("_total");
    let mut text = String::new();
    if !config.prefix.is_empty() {
        text.push_str(&config.prefix);
        text.push('.');
    }
    text.push_str(name);
    text.push_str(suffix);
    if !config.tagged {
        for part in tag_values(&config.tags).chain(sample.labels.iter().map(String::as_str)) {
            text.push('.');
            text.extend(part.chars().map(|character| match character {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => character,
                _ => '_',
            }));
        }
    }
    // Writing to a String never fails. Six digits: a microsecond of a second.
    let number = format!("{value:.6}");
    let _ = write!(text, ":{}|{kind}", number.trim_end_matches('0').trim_end_matches('.'));
    if config.tagged {
        let labels = sample.metric.labels.iter().zip(&sample.labels);
        let own = labels.map(|(label, value)| format!("{label}:{}", value.replace(['|', ',', '\r', '\n'], "_")));
        let tags: Vec<_> = config.tags.iter().cloned().chain(own).collect();
        if !tags.is_empty() {
            let _ = write!(text, "|#{}", tags.join(","));
        }
    }
    text
}

fn tag_values(tags: &[String]) -> impl Iterator<Item = &str> {
    tags.iter()
        .map(|tag| tag.split_once(':').map_or(tag.as_str(), |(_, value)| value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{find, Histogram};

    fn config(tagged: bool) -> StatsdConfig {
        StatsdConfig {
            host: "127.0.0.1".to_owned(),
            port: 8125,
            socket: None,
            prefix: "shop".to_owned(),
            tags: vec!["env:test".to_owned()],
            tagged,
            interval_ms: 10_000,
        }
    }

    fn sample(name: &str, labels: &[&str], value: Value) -> Sample {
        Sample {
            metric: find(name).unwrap(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            value,
        }
    }

    #[test]
    fn a_counter_is_sent_as_what_it_has_grown_by() {
        let mut sent = Sent::default();
        let count = |value| {
            [sample(
                "karafka_consumed_messages_total",
                &["app", "orders"],
                Value::Number(value),
            )]
        };
        let tags = "|c|#env:test,group:app,topic:orders";
        assert_eq!(
            sent.lines(&config(true), &count(5.0)),
            [format!("shop.consumed_messages:5{tags}")]
        );
        assert!(sent.lines(&config(true), &count(5.0)).is_empty());
        assert_eq!(
            sent.lines(&config(true), &count(7.0)),
            [format!("shop.consumed_messages:2{tags}")]
        );
    }

    #[test]
    fn without_tags_labels_are_parts_of_the_name() {
        let mut sent = Sent::default();
        let lag = [sample(
            "karafka_topic_lag_seconds",
            &["app", "or.ders"],
            Value::Number(0.25),
        )];
        assert_eq!(
            sent.lines(&config(false), &lag),
            ["shop.topic_lag_seconds.test.app.or_ders:0.25|g"]
        );
    }

    #[test]
    fn a_histogram_is_what_the_interval_brought() {
        let (mut sent, histogram) = (Sent::default(), Histogram::of_times());
        let read = || {
            [sample(
                "karafka_processing_seconds",
                &["app", "orders"],
                Value::Histogram(histogram.read()),
            )]
        };
        (0..100).for_each(|_| histogram.observe(80_000));
        let _ = sent.lines(&config(true), &read());
        (0..90).for_each(|_| histogram.observe(2_000));
        (0..10).for_each(|_| histogram.observe(40_000));
        let lines = sent.lines(&config(true), &read());
        let value = |name: &str| {
            let start = format!("shop.processing_seconds.{name}:");
            let line = lines.iter().find(|line| line.starts_with(&start)).unwrap();
            let number = line[start.len()..].split('|').next().unwrap();
            number.parse::<f64>().unwrap()
        };
        assert!((value("count") - 100.0).abs() < 1e-9);
        assert!((value("avg") - 0.0058).abs() < 1e-9);
        // In the buckets from 1 to 2.5 ms, and from 25 to 50 ms.
        assert!((0.001..=0.0025).contains(&value("p50")), "{lines:?}");
        assert!((0.025..=0.05).contains(&value("p99")), "{lines:?}");
        assert!(sent.lines(&config(true), &read()).is_empty());
    }
}
