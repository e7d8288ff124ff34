//! Fills a topic, for benchmarks and demos.
//!
//! `load --brokers B --topic T --count N --file rows.jsonl --key tailnum`  rows in order, again from the start up to N
//! `load --brokers B --topic T --count N --size 40`                        generated messages of that size
//! `load --brokers B --topic T --rate 1000 --seconds 20`                   paced; each begins with its send time in ns
//! `… --partitions 3`                                                      into the first 3 partitions in turn

mod common;
#[path = "common/rows.rs"]
mod rows;

use common::{cpu_seconds, nanoseconds_now, peak_rss_mb, Arguments, Outcome};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Counts {
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl ClientContext for Counts {}

impl ProducerContext for Counts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let count = if result.is_ok() { &self.delivered } else { &self.failed };
        count.fetch_add(1, Relaxed);
    }
}

/// The messages in the order they are sent, each with its key.
enum Source {
    Rows(Vec<(Vec<u8>, Vec<u8>)>),
    Generated { size: usize },
    Timestamps,
}

impl Source {
    fn from_arguments(arguments: &Arguments) -> Outcome<Self> {
        if let Some(path) = arguments.optional("file") {
            return Ok(Self::Rows(rows::read(path, arguments.optional("key"))?));
        }
        match arguments.optional("rate") {
            Some(_) => Ok(Self::Timestamps),
            None => Ok(Self::Generated {
                size: arguments.number("size", 40)?,
            }),
        }
    }

    fn fill(&self, index: u64, key: &mut Vec<u8>, payload: &mut Vec<u8>) {
        use std::io::Write;
        key.clear();
        payload.clear();
        let written = match self {
            Self::Rows(rows) => {
                let (row_key, row) = &rows[index as usize % rows.len()];
                key.extend_from_slice(row_key);
                payload.extend_from_slice(row);
                Ok(())
            }
            Self::Generated { size } => write!(key, "{}", index % 1000).and_then(|()| {
                write!(payload, "{{\"id\":{index:010},\"kind\":\"click\",\"v\":1")?;
                payload.resize(size.saturating_sub(1).max(payload.len()), b'0');
                payload.write_all(b"}")
            }),
            Self::Timestamps => {
                write!(key, "{}", index % 1000).and_then(|()| write!(payload, "{:019}", nanoseconds_now()))
            }
        };
        written.expect("writing to a Vec can't fail");
    }
}

fn main() -> Outcome<()> {
    let arguments = Arguments::from_command_line(&[
        "brokers",
        "topic",
        "count",
        "file",
        "key",
        "size",
        "rate",
        "seconds",
        "partitions",
    ])?;
    let rate: Option<f64> = arguments.optional("rate").map(str::parse).transpose()?;
    let paced_count = rate.map(|rate| {
        arguments
            .number("seconds", 20.0)
            .map(|seconds: f64| (rate * seconds) as u64)
    });
    let count = paced_count.unwrap_or_else(|| arguments.number("count", 1_000_000))?;
    let source = Source::from_arguments(&arguments)?;
    let partitions: Option<u64> = arguments.optional("partitions").map(str::parse).transpose()?;

    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", arguments.text("brokers")?);
    config
        .set("linger.ms", if rate.is_some() { "0" } else { "20" })
        .set("acks", if rate.is_some() { "1" } else { "all" });
    config.set("batch.num.messages", "10000").set("batch.size", "1000000");
    config.set("queue.buffering.max.messages", "300000");
    for (key, value) in &arguments.settings {
        config.set(key, value);
    }
    let producer: BaseProducer<Counts> = config.create_with_context(Counts::default())?;

    let (start, cpu) = (Instant::now(), cpu_seconds());
    let sending = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while sending.load(Relaxed) {
                producer.poll(Duration::from_millis(20));
            }
        });
        let sent = send_all(&producer, arguments.text("topic")?, partitions, &source, count, rate);
        let flushed = producer.flush(Duration::from_secs(60));
        sending.store(false, Relaxed);
        sent.and(flushed.map_err(Into::into))
    })?;

    let (counts, seconds) = (producer.context(), start.elapsed().as_secs_f64());
    let (delivered, failed) = (counts.delivered.load(Relaxed), counts.failed.load(Relaxed));
    println!(
        "{}",
        serde_json::json!({ "name": "load", "messages": delivered, "failed": failed, "seconds": seconds,
            "rss_mb": peak_rss_mb(), "per_second": delivered as f64 / seconds, "cpu_s_per_million": (cpu_seconds() - cpu) / count as f64 * 1e6 })
    );
    if failed > 0 || delivered != count {
        return Err(format!("{delivered} of {count} delivered, {failed} failed").into());
    }
    Ok(())
}

fn send_all(
    producer: &BaseProducer<Counts>,
    topic: &str,
    partitions: Option<u64>,
    source: &Source,
    count: u64,
    rate: Option<f64>,
) -> Outcome<()> {
    let (mut key, mut payload) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for index in 0..count {
        if let Some(rate) = rate {
            // By the clock from the start, so that a late message does not delay all that follow.
            let due = Duration::from_secs_f64(index as f64 / rate);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
        source.fill(index, &mut key, &mut payload);
        loop {
            let record = BaseRecord::to(topic).payload(&payload);
            let record: BaseRecord<'_, [u8], Vec<u8>> = if key.is_empty() {
                record
            } else {
                record.key(key.as_slice())
            };
            let record = match partitions {
                Some(partitions) => record.partition((index % partitions) as i32),
                None => record,
            };
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
