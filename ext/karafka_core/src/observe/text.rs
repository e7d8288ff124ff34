//! The text formats of Prometheus: 0.0.4, and OpenMetrics 1.0.

use std::fmt::Write;

use super::samples::{Sample, Value};
use crate::metrics::{Kind, Reading};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Plain,
    OpenMetrics,
}

impl Format {
    /// By the header `Accept`.
    pub fn wanted(accept: &str) -> Self {
        match accept.contains("application/openmetrics-text") {
            true => Format::OpenMetrics,
            false => Format::Plain,
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

pub(super) fn render(samples: &[Sample], format: Format) -> String {
    let mut text = String::with_capacity(samples.len() * 96 + 64);
    let mut last = "";
    for sample in samples {
        if sample.metric.name != last {
            last = sample.metric.name;
            head(&mut text, sample, format);
        }
        match &sample.value {
            Value::Number(value) => line(&mut text, (sample, ""), None, *value),
            Value::Histogram(reading) => histogram(&mut text, sample, reading),
        }
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn head(text: &mut String, sample: &Sample, format: Format) {
    let metric = sample.metric;
    let name = match (format, metric.kind) {
        (Format::OpenMetrics, Kind::Counter) => metric.name.trim_end_matches("_total"),
        _ => metric.name,
    };
    // OpenMetrics wants a name to end with its unit.
    let unit = match format == Format::OpenMetrics && name.ends_with(&format!("_{}", metric.unit)) {
        true => format!("# UNIT {name} {}\n", metric.unit),
        false => String::new(),
    };
    // Writing to a String never fails.
    let _ = write!(
        text,
        "# HELP {name} {}\n# TYPE {name} {}\n{unit}",
        metric.help,
        metric.kind.as_str()
    );
}

/// `extra`: a label besides those of the sample.
fn line(text: &mut String, (sample, suffix): (&Sample, &str), extra: Option<(&str, &str)>, value: f64) {
    text.push_str(sample.metric.name);
    text.push_str(suffix);
    let own = sample
        .metric
        .labels
        .iter()
        .copied()
        .zip(sample.labels.iter().map(String::as_str));
    let mut begun = false;
    for (name, label) in own.chain(extra) {
        text.push(if begun { ',' } else { '{' });
        begun = true;
        text.push_str(name);
        text.push_str("=\"");
        escape(text, label);
        text.push('"');
    }
    if begun {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

fn escape(text: &mut String, label: &str) {
    for one in label.chars() {
        match one {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

fn histogram(text: &mut String, sample: &Sample, reading: &Reading) {
    let scale = match sample.is_of_times() {
        true => 1_000_000.0,
        false => 1.0,
    };
    for (bound, count) in reading.bounds.iter().zip(&reading.counts) {
        let bound = (*bound as f64 / scale).to_string();
        line(text, (sample, "_bucket"), Some(("le", &bound)), *count as f64);
    }
    let count = reading.count() as f64;
    line(text, (sample, "_bucket"), Some(("le", "+Inf")), count);
    line(text, (sample, "_sum"), None, reading.sum as f64 / scale);
    line(text, (sample, "_count"), None, count);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{find, Histogram};

    fn sample(name: &str, labels: &[&str], value: Value) -> Sample {
        Sample {
            metric: find(name).unwrap(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            value,
        }
    }

    #[test]
    fn a_label_is_escaped_and_a_counter_named_as_the_format_wants() {
        let samples = [sample(
            "karafka_dead_letters_total",
            &["g\"1\\\n", "t"],
            Value::Number(3.0),
        )];
        let plain = render(&samples, Format::Plain);
        assert!(plain.contains("# TYPE karafka_dead_letters_total counter\n"), "{plain}");
        assert!(
            plain.ends_with("karafka_dead_letters_total{group=\"g\\\"1\\\\\\n\",topic=\"t\"} 3\n"),
            "{plain}"
        );
        let open = render(&samples, Format::OpenMetrics);
        assert!(open.contains("# TYPE karafka_dead_letters counter\n"), "{open}");
        assert!(open.ends_with("} 3\n# EOF\n"), "{open}");
    }

    #[test]
    fn a_histogram_has_its_buckets_in_seconds() {
        let histogram = Histogram::of_times();
        histogram.observe(1_500);
        let samples = [sample(
            "karafka_gvl_wait_seconds",
            &[],
            Value::Histogram(histogram.read()),
        )];
        let text = render(&samples, Format::OpenMetrics);
        assert!(text.contains("# UNIT karafka_gvl_wait_seconds seconds\n"), "{text}");
        assert!(
            text.contains("karafka_gvl_wait_seconds_bucket{le=\"0.001\"} 0\n"),
            "{text}"
        );
        assert!(
            text.contains("karafka_gvl_wait_seconds_bucket{le=\"0.0025\"} 1\n"),
            "{text}"
        );
        assert!(
            text.contains("karafka_gvl_wait_seconds_bucket{le=\"+Inf\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("karafka_gvl_wait_seconds_sum 0.0015\n"), "{text}");
    }
}
