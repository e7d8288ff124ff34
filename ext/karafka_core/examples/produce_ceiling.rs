//! The plain-Rust ceiling of producing: librdkafka's C call for each message with a copy, reports in batches from the
//! event queue on another thread, and nothing else. Benchmarks of the Ruby side are reported as a ratio to this.
//!
//! `produce_ceiling --brokers B --topic T --file rows.jsonl --count N [--mode async|batches|single] [--set acks=1]`
//!   async: as fast as the queue takes them     batches: 1,000 at a time, waiting for all     single: one by one, waiting

mod common;
#[path = "common/rows.rs"]
mod rows;

use common::{cpu_seconds, nanoseconds_now, peak_rss_mb, Arguments, Outcome};
use rdkafka::bindings as sys;
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::types::{RDKafkaRespErr, RDKafkaType};
use std::ffi::CString;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const BATCH: u64 = 1_000;
const WARM_UP: u64 = 20_000;

#[derive(Default)]
struct Reports {
    /// Delivered and failed.
    counts: Mutex<(u64, u64)>,
    changed: Condvar,
}

impl Reports {
    fn wait_for(&self, wanted: u64) -> Outcome<()> {
        let counts = self.counts.lock().expect("nobody panics with it");
        let waited = self
            .changed
            .wait_timeout_while(counts, Duration::from_secs(60), |(delivered, failed)| {
                *delivered + *failed < wanted
            });
        let (delivered, failed) = *waited.expect("nobody panics with it").0;
        if failed > 0 || delivered < wanted {
            return Err(format!("{delivered} of {wanted} delivered, {failed} failed").into());
        }
        Ok(())
    }
}

struct Queue(*mut sys::rd_kafka_queue_t);

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Queue {}

impl Queue {
    fn serve(&self, reports: &Reports) {
        loop {
            // SAFETY: the queue lives until the process ends; the event is alive until it is destroyed.
            unsafe {
                let event = sys::rd_kafka_queue_poll(self.0, 1_000);
                if event.is_null() {
                    continue;
                }
                let (mut delivered, mut failed) = (0, 0);
                if sys::rd_kafka_event_type(event) == sys::RD_KAFKA_EVENT_DR {
                    loop {
                        let message = sys::rd_kafka_event_message_next(event);
                        if message.is_null() {
                            break;
                        }
                        if (*message).err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                            delivered += 1;
                        } else {
                            failed += 1;
                        }
                    }
                }
                sys::rd_kafka_event_destroy(event);
                let mut counts = reports.counts.lock().expect("nobody panics with it");
                *counts = (counts.0 + delivered, counts.1 + failed);
                reports.changed.notify_all();
            }
        }
    }
}

struct Sender {
    topic: *mut sys::rd_kafka_topic_t,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    sent: u64,
}

impl Sender {
    fn send(&mut self, count: u64) -> Outcome<()> {
        for _ in 0..count {
            let (key, row) = &self.rows[self.sent as usize % self.rows.len()];
            // SAFETY: the topic is alive; the bytes are copied.
            while unsafe {
                sys::rd_kafka_produce(
                    self.topic,
                    -1,
                    sys::RD_KAFKA_MSG_F_COPY,
                    row.as_ptr().cast_mut().cast(),
                    row.len(),
                    key.as_ptr().cast(),
                    key.len(),
                    std::ptr::null_mut(),
                )
            } != 0
            {
                // SAFETY: reads a thread-local of librdkafka's.
                let code = unsafe { sys::rd_kafka_last_error() };
                if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL {
                    return Err(format!("{code:?}").into());
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            self.sent += 1;
        }
        Ok(())
    }
}

fn main() -> Outcome<()> {
    let arguments = Arguments::from_command_line(&["brokers", "topic", "count", "file", "key", "mode"])?;
    let mode = arguments.optional("mode").unwrap_or("async").to_owned();
    let count: u64 = arguments.number("count", 1_000_000)?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", arguments.text("brokers")?);
    for (key, value) in &arguments.settings {
        config.set(key, value);
    }
    let native = config.create_native_config()?;
    // SAFETY: the configuration is alive and not in use yet.
    unsafe { sys::rd_kafka_conf_set_events(native.ptr(), sys::RD_KAFKA_EVENT_DR | sys::RD_KAFKA_EVENT_ERROR) };
    let client = Client::new(&config, native, RDKafkaType::RD_KAFKA_PRODUCER, DefaultClientContext)?;
    let name = CString::new(arguments.text("topic")?)?;
    // SAFETY: the client lives until the process ends.
    let (topic, queue) = unsafe {
        (
            sys::rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), std::ptr::null_mut()),
            Queue(sys::rd_kafka_queue_get_main(client.native_ptr())),
        )
    };
    let reports = Arc::new(Reports::default());
    let served = reports.clone();
    std::thread::spawn(move || queue.serve(&served));
    let mut sender = Sender {
        topic,
        rows: rows::read(
            arguments.text("file")?,
            Some(arguments.optional("key").unwrap_or("tailnum")),
        )?,
        sent: 0,
    };
    // Connections, leaders and the first batches are not part of the rate.
    let warm_up = if mode == "single" { 200 } else { WARM_UP };
    sender.send(warm_up)?;
    reports.wait_for(warm_up)?;

    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut latencies = Vec::new();
    match mode.as_str() {
        "async" => sender.send(count)?,
        "batches" => {
            for _ in 0..count / BATCH {
                sender.send(BATCH)?;
                reports.wait_for(sender.sent)?;
            }
        }
        "single" => {
            for _ in 0..count {
                let sent_at = Instant::now();
                sender.send(1)?;
                reports.wait_for(sender.sent)?;
                latencies.push(sent_at.elapsed());
            }
        }
        other => return Err(format!("--mode {other}: async, batches or single").into()),
    }
    reports.wait_for(sender.sent)?;
    let (seconds, cpu, count) = (
        start.elapsed().as_secs_f64(),
        cpu_seconds() - cpu,
        sender.sent - warm_up,
    );
    latencies.sort_unstable();
    let part = |part: f64| {
        let last = latencies.len().saturating_sub(1) as f64;
        latencies
            .get((last * part).round() as usize)
            .map(|latency| latency.as_secs_f64() * 1e3)
    };
    println!(
        "{}",
        serde_json::json!({ "name": "produce_ceiling", "mode": mode, "messages": count, "seconds": seconds,
            "per_second": count as f64 / seconds, "cpu_s_per_million": cpu / count as f64 * 1e6,
            "rss_mb": peak_rss_mb(), "ended_at_ns": nanoseconds_now(), "p50_ms": part(0.5), "p99_ms": part(0.99) })
    );
    // Ending the client is not part of the measurement.
    std::process::exit(0)
}
