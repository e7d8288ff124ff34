//! The plain-Rust ceiling: the least that a consumer on librdkafka can do. It copies each batch into an arena, as the
//! engine has to, and throws it away. Benchmarks of the Ruby side are reported as a ratio to this, in the same run.
//!
//! `ceiling --brokers B --topic T --count N [--mode c|a] [--batch 1000]`
//!   c: a queue split off each partition, drained by the worker that wakes     a: message by message, main queue
//! `ceiling ... --latency 1000`: messages begin with their send time in ns (`load --rate`); reports percentiles of all but the first 1,000

mod common;

use common::{cpu_seconds, nanoseconds_now, peak_rss_mb, Arguments, Outcome};
use rdkafka::bindings as sys;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::message::Message;
use std::collections::VecDeque;
use std::ffi::{c_void, CString};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const IDLE_LIMIT: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Ready {
    partitions: Mutex<VecDeque<Arc<Partition>>>,
    changed: Condvar,
}

impl Ready {
    fn push(&self, partition: Arc<Partition>) {
        self.partitions
            .lock()
            .expect("nobody panics with it")
            .push_back(partition);
        self.changed.notify_one();
    }

    fn pop(&self, timeout: Duration) -> Option<Arc<Partition>> {
        let guard = self.partitions.lock().expect("nobody panics with it");
        let waited = self
            .changed
            .wait_timeout_while(guard, timeout, |ready| ready.is_empty());
        waited.expect("nobody panics with it").0.pop_front()
    }
}

/// A partition's own queue. It lives until the process ends, as the group of a measurement has one member.
struct Partition {
    queue: *mut sys::rd_kafka_queue_t,
    ready: Arc<Ready>,
}

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Partition {}
// SAFETY: as above.
unsafe impl Sync for Partition {}

unsafe extern "C" fn on_data(_client: *mut sys::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: `split` passed a leaked Arc<Partition>, so it is alive for ever.
    let partition = unsafe {
        Arc::increment_strong_count(opaque as *const Partition);
        Arc::from_raw(opaque as *const Partition)
    };
    partition.ready.clone().push(partition);
}

struct Context {
    split: bool,
    ready: Arc<Ready>,
}

impl ClientContext for Context {}

impl ConsumerContext for Context {
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let (true, Rebalance::Assign(assigned)) = (self.split, rebalance) else {
            return;
        };
        for element in assigned.elements() {
            let topic = CString::new(element.topic()).expect("a topic's name has no NUL");
            // SAFETY: the client is alive; the queue is never destroyed, and the callback's argument is leaked.
            unsafe {
                let client = consumer.client().native_ptr();
                let queue = sys::rd_kafka_queue_get_partition(client, topic.as_ptr(), element.partition());
                sys::rd_kafka_queue_forward(queue, std::ptr::null_mut());
                let partition = Arc::new(Partition {
                    queue,
                    ready: self.ready.clone(),
                });
                let opaque = Arc::into_raw(partition.clone()) as *mut c_void;
                sys::rd_kafka_queue_cb_event_enable(queue, Some(on_data), opaque);
                // What came before the callback was enabled has woken nobody.
                self.ready.push(partition);
            }
        }
    }
}

#[derive(Default)]
struct Batch {
    arena: Vec<u8>,
    slots: Vec<(i64, u32, u32)>,
}

impl Batch {
    fn push(&mut self, offset: i64, payload: &[u8]) {
        self.slots.push((offset, self.arena.len() as u32, payload.len() as u32));
        self.arena.extend_from_slice(payload);
    }

    fn with_capacity(messages: usize) -> Self {
        Self {
            arena: Vec::with_capacity(messages * 256),
            slots: Vec::with_capacity(messages),
        }
    }
}

/// What one run measures: counts from the first batch on, so that joining the group is not part of the rate.
struct Meter {
    wanted: u64,
    /// How many messages are left out of the latencies, the first ones; None: no latencies.
    latency: Option<usize>,
    started: Instant,
    first: Option<(Instant, f64)>,
    seen: u64,
    checksum: u64,
    latencies: Vec<u64>,
}

impl Meter {
    fn take(&mut self, batch: &Batch) -> bool {
        self.first.get_or_insert_with(|| (Instant::now(), cpu_seconds()));
        let now = nanoseconds_now();
        for (_, at, len) in &batch.slots {
            let payload = &batch.arena[*at as usize..(*at + *len) as usize];
            self.checksum = self
                .checksum
                .wrapping_add(u64::from(payload.first().copied().unwrap_or(0)) + u64::from(*len));
            if self.latency.is_some() {
                let sent = std::str::from_utf8(payload.get(..19).unwrap_or_default())
                    .ok()
                    .and_then(|text| text.parse().ok());
                self.latencies.extend(sent.map(|sent: u64| now.saturating_sub(sent)));
            }
        }
        self.seen += batch.slots.len() as u64;
        self.seen >= self.wanted
    }

    fn report(mut self, mode: &str, batch: usize) -> Outcome<()> {
        let (first, cpu) = self
            .first
            .ok_or_else(|| format!("no message within {} s", IDLE_LIMIT.as_secs()))?;
        let (seconds, cpu) = (first.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let mut result = serde_json::json!({ "name": "ceiling", "mode": mode, "batch": batch, "messages": self.seen,
            "seconds": seconds, "per_second": self.seen as f64 / seconds,
            "cpu_s_per_million": cpu / self.seen as f64 * 1e6, "rss_mb": peak_rss_mb(),
            "first_message_s": (first - self.started).as_secs_f64(), "checksum": self.checksum });
        if let Some(first) = self.latency {
            self.latencies.drain(..first.min(self.latencies.len()));
            self.latencies.sort_unstable();
            let last = self.latencies.len().saturating_sub(1) as f64;
            for (name, part) in [("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99), ("max_ms", 1.0)] {
                let value = self.latencies.get((last * part).round() as usize);
                result[name] = serde_json::json!(value.map(|nanos| *nanos as f64 / 1e6));
            }
        }
        println!("{result}");
        if self.seen < self.wanted {
            return Err(format!("{} of {} messages came", self.seen, self.wanted).into());
        }
        Ok(())
    }
}

fn main() -> Outcome<()> {
    let arguments = Arguments::from_command_line(&["brokers", "topic", "count", "mode", "batch", "latency", "group"])?;
    let (mode, batch) = (
        arguments.optional("mode").unwrap_or("c").to_owned(),
        arguments.number("batch", 1000)?,
    );
    let split = match mode.as_str() {
        "a" => false,
        "c" => true,
        other => return Err(format!("--mode {other}: a or c").into()),
    };
    let ready = Arc::new(Ready::default());
    let unique = format!("ceiling-{}-{}", std::process::id(), nanoseconds_now());
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", arguments.text("brokers")?)
        .set("group.id", arguments.optional("group").unwrap_or(&unique));
    config
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    // With split queues the limit counts for each partition.
    config.set("queued.max.messages.kbytes", if split { "16384" } else { "65536" });
    config
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.min.messages", "100000");
    for (key, value) in &arguments.settings {
        config.set(key, value);
    }
    let consumer: BaseConsumer<Context> = config.create_with_context(Context {
        split,
        ready: ready.clone(),
    })?;
    consumer.subscribe(&[arguments.text("topic")?])?;

    let meter = Meter {
        wanted: arguments.number("count", 1_000_000)?,
        latency: arguments.optional("latency").map(str::parse).transpose()?,
        started: Instant::now(),
        first: None,
        seen: 0,
        checksum: 0,
        latencies: Vec::new(),
    };
    let meter = if split {
        run_split(consumer, &ready, meter, batch)
    } else {
        run_polled(consumer, meter, batch)
    };
    let result = meter.report(&mode, batch);
    if let Err(error) = &result {
        eprintln!("ceiling: {error}");
    }
    // Leaving the group properly is not part of the measurement, and takes longer than it does.
    std::process::exit(i32::from(result.is_err()))
}

/// Way (c): this thread drains the partition that woke it; another one serves the main queue.
fn run_split(consumer: BaseConsumer<Context>, ready: &Ready, mut meter: Meter, max: usize) -> Meter {
    std::thread::spawn(move || loop {
        if let Some(Err(error)) = consumer.poll(Duration::from_millis(100)) {
            eprintln!("ceiling: {error}");
        }
    });
    let mut messages = vec![std::ptr::null_mut(); max];
    let mut last = Instant::now();
    while last.elapsed() < IDLE_LIMIT {
        let Some(partition) = ready.pop(Duration::from_secs(1)) else {
            continue;
        };
        let Some(batch) = drain(&partition, &mut messages) else {
            continue;
        };
        // The callback fires only when an empty queue gets its first message, so look at it again.
        ready.push(partition);
        last = Instant::now();
        if meter.take(&batch) {
            break;
        }
    }
    meter
}

fn drain(partition: &Partition, messages: &mut [*mut sys::rd_kafka_message_t]) -> Option<Batch> {
    // SAFETY: the array has room for as many messages as asked for.
    let count = unsafe { sys::rd_kafka_consume_batch_queue(partition.queue, 0, messages.as_mut_ptr(), messages.len()) };
    let count = usize::try_from(count).ok().filter(|count| *count > 0)?;
    let mut batch = Batch::with_capacity(count);
    for message in &messages[..count] {
        // SAFETY: librdkafka gave us these messages; the bytes are copied before the message is destroyed, once.
        unsafe {
            let fields = &**message;
            if fields.err as i32 == 0 && !fields.payload.is_null() {
                batch.push(
                    fields.offset,
                    std::slice::from_raw_parts(fields.payload as *const u8, fields.len),
                );
            }
            sys::rd_kafka_message_destroy(*message);
        }
    }
    Some(batch)
}

/// Way (a): the poll thread takes message by message and hands batches of each partition to a worker.
fn run_polled(consumer: BaseConsumer<Context>, mut meter: Meter, max: usize) -> Meter {
    let (sender, receiver) = std::sync::mpsc::channel::<Batch>();
    std::thread::spawn(move || loop {
        let mut open = std::collections::HashMap::new();
        let mut timeout = Duration::from_millis(50);
        for _ in 0..max {
            match consumer.poll(timeout) {
                Some(Ok(message)) => open
                    .entry(message.partition())
                    .or_insert_with(|| Batch::with_capacity(max))
                    .push(message.offset(), message.payload().unwrap_or_default()),
                Some(Err(error)) => eprintln!("ceiling: {error}"),
                None => break,
            }
            timeout = Duration::ZERO;
        }
        for batch in open.into_values() {
            if sender.send(batch).is_err() {
                return;
            }
        }
    });
    while let Ok(batch) = receiver.recv_timeout(IDLE_LIMIT) {
        if meter.take(&batch) {
            break;
        }
    }
    meter
}
