//! Exports spans to an OpenTelemetry collector: OTLP over HTTP, as protobuf, from a thread of its own (`krs.otlp`). Nobody waits for it
//! but `flush`.

mod sending;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::repeats::Repeats;
use crate::base::background::Background;
use crate::base::per_process::PerProcess;
use crate::base::sync::Mutex;
use crate::error::Result;
use crate::metrics::registry;
use crate::trace::{self, queue, Span};
use sending::{Answer, Collector};

/// Spans of one request.
const MOST_AT_ONCE: usize = 512;
/// How long a span waits for others.
const INTERVAL: Duration = Duration::from_secs(1);
/// Between two attempts at the same spans, doubled with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A forked child begins an exporter of its own, with `begin`.
static EXPORTER: PerProcess<Mutex<Option<Exporter>>> = PerProcess::new(Mutex::default);

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpConfig {
    /// `http://HOST:PORT`, maybe with a path before `/v1/traces`.
    pub endpoint: String,
    pub headers: BTreeMap<String, String>,
    /// Of the process: `service.name` and the like.
    pub resource: BTreeMap<String, String>,
    /// Of traces that begin here, from 0 to 1.
    pub sample_rate: f64,
    pub max_queued_spans: usize,
    /// For one request.
    pub timeout_ms: u64,
}

struct Exporter {
    config: OtlpConfig,
    thread: Background,
}

/// Exports from now on. With the same settings nothing changes; with others the exporter that runs ends first, for which it gets no
/// longer than one request.
pub fn begin(config: OtlpConfig) -> Result<()> {
    let mut exporter = EXPORTER.get().lock();
    if exporter.as_ref().is_some_and(|running| running.config == config) {
        return Ok(());
    }
    if let Some(running) = exporter.take() {
        running.end();
    }
    let collector = Collector::new(&config)?;
    let resource = config.resource.clone();
    queue().begin();
    let thread = Background::start("krs.otlp", "that exports spans", move || run(collector, &resource))?;
    trace::begin(config.sample_rate, config.max_queued_spans);
    *exporter = Some(Exporter { config, thread });
    Ok(())
}

/// Makes no more spans. What waits is still exported, in the time of one request.
pub fn end() {
    trace::end();
    if let Some(running) = EXPORTER.get().lock().take() {
        running.end();
    }
}

impl Exporter {
    fn end(self) {
        queue().stop();
        // One that hangs is left alone: it holds nothing that anybody needs.
        self.thread.ends_within(Duration::from_millis(self.config.timeout_ms));
    }
}

fn run(mut collector: Collector, resource: &BTreeMap<String, String>) {
    let mut repeats = Repeats::default();
    while let Some(spans) = queue().take(MOST_AT_ONCE, INTERVAL) {
        if !spans.is_empty() {
            deliver(&mut collector, &mut repeats, resource, &spans);
        }
        queue().done();
    }
}

fn deliver(collector: &mut Collector, repeats: &mut Repeats, resource: &BTreeMap<String, String>, spans: &[Span]) {
    let body = wire::request(resource, spans).into();
    let (count, metrics) = (spans.len() as u64, &registry().spans);
    let mut pause = FIRST_PAUSE;
    loop {
        let why = match collector.post(&body) {
            Answer::Taken { rejected } => {
                let rejected = rejected.min(count);
                metrics.exported.add(count - rejected);
                metrics.failed.add(rejected);
                if rejected == 0 {
                    return repeats.over();
                }
                return say(repeats, &format!("it rejected {rejected} spans of {count}"));
            }
            Answer::Refused(why) => {
                metrics.failed.add(count);
                return say(repeats, &why);
            }
            Answer::Later(why) => why,
        };
        say(repeats, &why);
        if queue().pause(pause) {
            return metrics.failed.add(count);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Logs `why`, unless something was logged shortly before.
fn say(repeats: &mut Repeats, why: &str) {
    if repeats.is_due() {
        let lost = &registry().spans;
        tracing::warn!(
            "the collector of config.tracing.endpoint does not take spans: {why} ({} were dropped and {} failed so far)",
            lost.dropped.get(),
            lost.failed.get()
        );
    }
}
