//! What the engine's tests share: a Kafka (mock or real), a producer that can send anything, an engine with workers
//! that record what they got, and waits with a deadline.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use karafka_core::config::{EngineConfig, GroupConfig, TopicConfig};
use karafka_core::engine::{Engine, Taken};
use karafka_core::event::{Event, Interrupt};
use karafka_core::lease::{Kind, Lease};
use karafka_core::mock_broker::MockBroker;
use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::bindings as sys;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// Longer than anything takes on a busy machine; only a failing test waits it out.
pub const LONG: Duration = Duration::from_secs(60);

/// Whoever ends sooner has run into none of the engine's time limits, the shortest of which is 5 s. It takes milliseconds,
/// but not on a busy machine.
pub const NO_LIMIT: Duration = Duration::from_millis(4_800);

/// How long something takes: the shortest of up to ten times, as a busy machine makes any of them long. Less than `target`
/// is enough.
pub fn shortest(target: Duration, mut measure: impl FnMut() -> Duration) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..10 {
        best = best.min(measure());
        if best < target {
            break;
        }
    }
    best
}

/// The one in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Polls until `check` is true; fails with `what` after `within`.
#[track_caller]
pub fn wait_within(within: Duration, what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !check() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[track_caller]
pub fn wait_until(what: &str, check: impl FnMut() -> bool) {
    wait_within(LONG, what, check);
}

/// Waits until `value` has not changed for a second.
#[track_caller]
pub fn wait_until_still(what: &str, mut value: impl FnMut() -> usize) {
    let mut last = (0, Instant::now());
    wait_until(what, || {
        let now = value();
        if now != last.0 {
            last = (now, Instant::now());
        }
        last.1.elapsed() > Duration::from_secs(1)
    });
}

/// That something does NOT happen can only be watched for a while.
#[track_caller]
pub fn stays(what: &str, during: Duration, mut check: impl FnMut() -> bool) {
    let end = Instant::now() + during;
    while Instant::now() < end {
        assert!(check(), "did not stay so: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Different in each test and each run.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    format!(
        "{prefix}-{}-{time}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// A small generator of random numbers whose seed is printed, so that a failure can be run again.
pub struct Dice(u64);

impl Dice {
    pub fn new() -> Self {
        let given = std::env::var("KARAFKA_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let fresh = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |since| since.as_nanos() as u64 | 1);
        let seed = given.unwrap_or(fresh);
        eprintln!("KARAFKA_TEST_SEED={seed}");
        Dice(seed)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Where the tests of the real tier run; None: skip.
pub fn real_brokers() -> Option<String> {
    std::env::var("KARAFKA_TEST_BROKERS")
        .ok()
        .filter(|text| !text.is_empty())
}

/// `let kafka = real_kafka!("name");` — skips the test, and says so, where there is no real Kafka.
#[macro_export]
macro_rules! real_kafka {
    ($test:expr) => {
        match $crate::common::real_brokers() {
            Some(brokers) => $crate::common::Kafka::real(brokers),
            None => {
                println!("SKIPPED: {}: KARAFKA_TEST_BROKERS is not set", $test);
                return;
            }
        }
    };
}

/// The same test twice: `name::on_the_mock` and `name::on_real_kafka`.
#[macro_export]
macro_rules! on_both {
    ($(fn $name:ident($kafka:ident) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn run($kafka: &Kafka) $body

            #[test]
            fn on_the_mock() {
                run(&Kafka::mock(1));
            }

            #[test]
            fn on_real_kafka() {
                run(&$crate::real_kafka!(concat!(module_path!(), "::on_real_kafka")));
            }
        })*
    };
}

fn wait_for<T>(answer: impl std::future::Future<Output = rdkafka::error::KafkaResult<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(answer).expect("an answer of the cluster")
}

pub struct Kafka {
    pub brokers: String,
    pub mock: Option<MockBroker>,
    topics: Mutex<Vec<String>>,
}

impl Kafka {
    pub fn mock(nodes: i32) -> Self {
        let mock = MockBroker::new(nodes).expect("a mock cluster");
        Kafka {
            brokers: mock.bootstrap_servers(),
            mock: Some(mock),
            topics: Mutex::default(),
        }
    }

    pub fn real(brokers: String) -> Self {
        Kafka {
            brokers,
            mock: None,
            topics: Mutex::default(),
        }
    }

    /// A new topic, ready to use.
    pub fn topic(&self, partitions: i32) -> String {
        self.topic_named(&unique("t"), partitions)
    }

    pub fn topic_named(&self, name: &str, partitions: i32) -> String {
        match &self.mock {
            Some(mock) => mock.create_topic(name, partitions, 1).expect("a topic"),
            None => {
                let topic =
                    NewTopic::new(name, partitions, TopicReplication::Fixed(1)).set("max.message.bytes", "20000000");
                let (admin, options) = self.admin();
                let results = wait_for(admin.create_topics([&topic], &options));
                assert!(results.iter().all(Result::is_ok), "{results:?}");
                self.topics.lock().push(name.to_owned());
            }
        }
        name.to_owned()
    }

    pub fn delete_topic(&self, name: &str) {
        let (admin, options) = self.admin();
        wait_for(admin.delete_topics(&[name], &options));
    }

    pub fn add_partitions(&self, name: &str, total: usize) {
        let (admin, options) = self.admin();
        wait_for(admin.create_partitions([&rdkafka::admin::NewPartitions::new(name, total)], &options));
    }

    fn admin(&self) -> (AdminClient<DefaultClientContext>, AdminOptions) {
        let admin = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .create()
            .expect("an admin client");
        (admin, AdminOptions::new().operation_timeout(Some(LONG)))
    }

    pub fn producer(&self) -> Sender {
        // What is sent once is there once and in order, also when a busy broker answers late: tests compute with offsets.
        Sender::new(&self.brokers, self.mock.is_none())
    }

    /// Messages 0...count, spread in turn over the partitions; the payload is the number.
    pub fn fill(&self, topic: &str, partitions: i32, numbers: std::ops::Range<u64>) {
        let sender = self.producer();
        for number in numbers {
            let partition = (number % partitions as u64) as i32;
            sender.send(&Message {
                partition,
                payload: Some(number.to_string().into_bytes()),
                ..Message::to(topic)
            });
        }
        sender.flush();
    }

    /// One row: what the group has committed, as the broker knows it.
    fn committed_row(&self, group: &str, topic: &str, partition: i32) -> TopicPartitionList {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", group)
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let deadline = Instant::now() + LONG;
        loop {
            // A busy cluster may be looking for a coordinator just now.
            match consumer.committed_offsets(list.clone(), LONG) {
                Ok(found) => return found,
                Err(error) => assert!(Instant::now() < deadline, "committed offsets: {error}"),
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// The offset that the group has committed.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let found = self.committed_row(group, topic, partition);
        match found.find_partition(topic, partition).expect("the partition").offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// The leader epoch beside what the group has committed; -1: none.
    pub fn committed_epoch(&self, group: &str, topic: &str, partition: i32) -> i32 {
        let found = self.committed_row(group, topic, partition);
        // SAFETY: the list has one row.
        unsafe { sys::rd_kafka_topic_partition_get_leader_epoch((*found.ptr()).elems) }
    }

    /// A group on this Kafka with short intervals.
    pub fn group(&self, topics: Vec<TopicConfig>) -> GroupConfig {
        let id = unique("g");
        let mut kafka = BTreeMap::new();
        for (key, value) in [
            ("bootstrap.servers", self.brokers.as_str()),
            ("group.id", &id),
            ("auto.offset.reset", "earliest"),
            ("auto.commit.interval.ms", "100"),
            ("session.timeout.ms", "6000"),
            ("heartbeat.interval.ms", "200"),
            ("fetch.queue.backoff.ms", "10"),
            ("fetch.wait.max.ms", "100"),
            ("reconnect.backoff.max.ms", "1000"),
            ("topic.metadata.refresh.interval.ms", "2000"),
        ] {
            kafka.insert(key.to_owned(), value.to_owned());
        }
        GroupConfig {
            id,
            kafka,
            topics,
            ..GroupConfig::default()
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        for topic in std::mem::take(&mut *self.topics.lock()) {
            self.delete_topic(&topic);
        }
    }
}

pub fn topic_config(name: &str) -> TopicConfig {
    TopicConfig {
        name: Some(name.to_owned()),
        pause_timeout_ms: 50,
        pause_max_timeout_ms: 400,
        ..TopicConfig::default()
    }
}

/// What a batch that is not full waits, where a test needs whole ones.
pub const WHOLE_BATCH_MS: u64 = 1_500;

/// For tests that need a batch of exactly `count`: fetching may bring the first message alone.
pub fn whole_batches(name: &str, count: usize) -> TopicConfig {
    TopicConfig {
        max_messages: count,
        max_wait_time_ms: WHOLE_BATCH_MS,
        ..topic_config(name)
    }
}

pub fn engine_config(groups: Vec<GroupConfig>) -> EngineConfig {
    EngineConfig {
        revocation_grace_ms: 2_000,
        groups,
        ..EngineConfig::default()
    }
}

pub type Header = (Vec<u8>, Option<Vec<u8>>);

#[derive(Debug, Clone, Default)]
pub struct Message {
    pub topic: String,
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<Header>,
    pub timestamp_ms: i64,
}

impl Message {
    pub fn to(topic: &str) -> Self {
        Message {
            topic: topic.to_owned(),
            ..Message::default()
        }
    }
}

/// Sends through the C API: rust-rdkafka can't name a header that is not UTF-8.
pub struct Sender(BaseProducer);

impl Sender {
    pub fn new(brokers: &str, idempotent: bool) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("enable.idempotence", if idempotent { "true" } else { "false" })
            .set("message.max.bytes", "20000000")
            .set("queue.buffering.max.kbytes", "1000000")
            .set("queue.buffering.max.messages", "1000000")
            .set("linger.ms", "1")
            .create()
            .expect("a producer");
        Sender(producer)
    }

    pub fn send(&self, message: &Message) {
        use sys::rd_kafka_vtype_t::*;
        let topic = CString::new(message.topic.as_str()).expect("a topic name");
        let bytes = |value: &Option<Vec<u8>>| {
            value.as_ref().map_or((std::ptr::null(), 0), |bytes| {
                (bytes.as_ptr().cast::<libc::c_void>(), bytes.len())
            })
        };
        let (payload, payload_len) = bytes(&message.payload);
        let (key, key_len) = bytes(&message.key);
        // SAFETY: a living producer; everything is copied (F_COPY); the header list goes over to librdkafka on success.
        let code = unsafe {
            let headers = sys::rd_kafka_headers_new(message.headers.len());
            for (name, value) in &message.headers {
                let (value, len) = bytes(value);
                sys::rd_kafka_header_add(headers, name.as_ptr().cast(), name.len() as isize, value, len as isize);
            }
            sys::rd_kafka_producev(
                self.0.client().native_ptr(),
                RD_KAFKA_VTYPE_TOPIC,
                topic.as_ptr(),
                RD_KAFKA_VTYPE_PARTITION,
                message.partition,
                RD_KAFKA_VTYPE_MSGFLAGS,
                sys::RD_KAFKA_MSG_F_COPY,
                RD_KAFKA_VTYPE_VALUE,
                payload,
                payload_len,
                RD_KAFKA_VTYPE_KEY,
                key,
                key_len,
                RD_KAFKA_VTYPE_HEADERS,
                headers,
                RD_KAFKA_VTYPE_TIMESTAMP,
                message.timestamp_ms,
                RD_KAFKA_VTYPE_END,
            )
        };
        assert_eq!(
            code,
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
            "{}",
            message.topic
        );
    }

    pub fn flush(&self) {
        self.0.flush(LONG).expect("everything is delivered");
    }
}

/// What a worker was given.
#[derive(Debug, Clone)]
pub struct Seen {
    pub worker: usize,
    pub topic: String,
    pub partition: i32,
    /// Of the assignment, and of the lane where it has several.
    pub id: u64,
    pub group_index: usize,
    pub kind: Kind,
    pub attempt: u32,
    pub offsets: Vec<i64>,
    pub payloads: Vec<String>,
    pub at: Instant,
}

impl Seen {
    fn of(lease: &Lease, worker: usize) -> Self {
        let messages = lease.messages();
        let partition = lease.partition();
        Seen {
            worker,
            topic: partition.topic.to_string(),
            partition: partition.number,
            id: lease.assignment_id(),
            group_index: partition.group_index(),
            kind: lease.kind(),
            attempt: lease.attempt(),
            offsets: (0..messages.len()).filter_map(|index| messages.offset(index)).collect(),
            payloads: (0..messages.len())
                .map(|index| String::from_utf8_lossy(messages.payload(index).unwrap_or_default()).into_owned())
                .collect(),
            at: Instant::now(),
        }
    }
}

#[derive(Default)]
pub struct Log {
    pub seen: Mutex<Vec<Seen>>,
    pub events: Mutex<Vec<Event>>,
}

impl Log {
    pub fn count(&self, kind: Kind) -> usize {
        self.seen.lock().iter().filter(|seen| seen.kind == kind).count()
    }

    pub fn of(&self, kind: Kind) -> Vec<Seen> {
        self.seen
            .lock()
            .iter()
            .filter(|seen| seen.kind == kind)
            .cloned()
            .collect()
    }

    /// Offsets of one partition in the order they were handed out.
    pub fn offsets(&self, partition: i32) -> Vec<i64> {
        let seen = self.seen.lock();
        let consumed = seen
            .iter()
            .filter(|seen| seen.kind == Kind::Consume && seen.partition == partition);
        consumed.flat_map(|seen| seen.offsets.clone()).collect()
    }

    pub fn payloads(&self) -> Vec<String> {
        self.of(Kind::Consume)
            .into_iter()
            .flat_map(|seen| seen.payloads)
            .collect()
    }

    pub fn messages(&self) -> usize {
        self.seen.lock().iter().map(|seen| seen.offsets.len()).sum()
    }

    pub fn has_event(&self, matches: impl Fn(&Event) -> bool) -> bool {
        self.events.lock().iter().any(matches)
    }

    pub fn count_events(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events.lock().iter().filter(|event| matches(event)).count()
    }

    pub fn error_codes(&self) -> Vec<String> {
        let events = self.events.lock();
        let errors = events.iter().filter_map(|event| match event {
            Event::Error { error, .. } => Some(error.code.clone()),
            _ => None,
        });
        errors.collect()
    }
}

/// An engine, its workers, and what they saw. Stopped by force when dropped.
pub struct Harness {
    pub engine: Arc<Engine>,
    pub log: Arc<Log>,
    pub workers: Vec<JoinHandle<()>>,
    events: Option<JoinHandle<()>>,
}

impl Harness {
    /// Starts an engine whose workers hand each lease to `work`.
    pub fn start(config: EngineConfig, workers: usize, work: impl Fn(Lease) + Send + Sync + 'static) -> Self {
        let harness = Self::without_workers(config);
        harness.with_workers(workers, work)
    }

    pub fn without_workers(config: EngineConfig) -> Self {
        let engine = Engine::new(config).expect("a valid configuration");
        let log = Arc::new(Log::default());
        let events = {
            let (engine, log) = (engine.clone(), log.clone());
            std::thread::spawn(move || {
                let interrupt = Interrupt::default();
                while let Ok(Some(events)) = engine.events(Duration::from_secs(60), &interrupt) {
                    log.events.lock().extend(events);
                }
            })
        };
        engine.start().expect("the engine starts");
        Harness {
            engine,
            log,
            workers: Vec::new(),
            events: Some(events),
        }
    }

    pub fn with_workers(mut self, count: usize, work: impl Fn(Lease) + Send + Sync + 'static) -> Self {
        let work = Arc::new(work);
        for number in 0..count {
            let (engine, log, work) = (self.engine.clone(), self.log.clone(), work.clone());
            let run = move || {
                let interrupt = Interrupt::default();
                while let Ok(Taken::Lease(lease)) = engine.take(&interrupt) {
                    log.seen.lock().push(Seen::of(&lease, number));
                    work(*lease);
                }
            };
            let name = format!("test-worker-{number}");
            self.workers
                .push(std::thread::Builder::new().name(name).spawn(run).expect("a thread"));
        }
        self
    }

    /// Takes one lease in this thread; fails after a deadline.
    #[track_caller]
    pub fn take(&self) -> Lease {
        self.take_within(LONG).expect("a lease in time")
    }

    /// One lease, or None when the time runs out.
    pub fn take_within(&self, within: Duration) -> Option<Lease> {
        let interrupt = Interrupt::default();
        let done = std::sync::atomic::AtomicBool::new(false);
        let taken = std::thread::scope(|scope| {
            let clock = scope.spawn(|| {
                let deadline = Instant::now() + within;
                while !done.load(Ordering::Acquire) && Instant::now() < deadline {
                    std::thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
                }
                self.engine.interrupt_take(&interrupt);
            });
            let taken = self.engine.take(&interrupt);
            done.store(true, Ordering::Release);
            clock.thread().unpark();
            taken
        });
        match taken {
            Ok(Taken::Lease(lease)) => {
                self.log.seen.lock().push(Seen::of(&lease, usize::MAX));
                Some(*lease)
            }
            _ => None,
        }
    }

    /// What the engine failed with.
    #[track_caller]
    pub fn take_error(&self) -> String {
        match self.engine.take(&Interrupt::default()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("the engine did not fail"),
        }
    }

    #[track_caller]
    pub fn wait_for_messages(&self, count: usize) {
        let deadline = Instant::now() + LONG;
        while self.log.messages() < count {
            assert!(
                Instant::now() < deadline,
                "{} of {count} messages; errors: {:?}; {:?}",
                self.log.messages(),
                self.log.error_codes(),
                self.engine.state()
            );
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    #[track_caller]
    pub fn wait_for_assignment(&self, partitions: usize) {
        wait_until("the assignment", || self.assigned() == partitions);
    }

    pub fn assigned(&self) -> usize {
        self.engine
            .state()
            .map_or(0, |state| state.groups.iter().map(|group| group.assigned.len()).sum())
    }

    /// Graceful stop; how long it took.
    #[track_caller]
    pub fn stop(mut self) -> (Duration, Arc<Log>) {
        let started = Instant::now();
        self.engine.stop();
        assert!(
            self.engine.join(LONG).expect("not forked"),
            "did not stop: {:?}",
            self.engine.state()
        );
        let took = started.elapsed();
        self.end_threads();
        (took, self.log.clone())
    }

    fn end_threads(&mut self) {
        for worker in self.workers.drain(..) {
            if worker.join().is_err() && !std::thread::panicking() {
                panic!("a worker panicked");
            }
        }
        if let Some(events) = self.events.take() {
            events.join().expect("no panic");
        }
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.engine.force_stop();
        let stopped = self.engine.join(LONG).unwrap_or(true);
        if std::thread::panicking() {
            return;
        }
        assert!(stopped, "did not stop by force");
        self.end_threads();
        let stray = |event: &Event| matches!(event, Event::Error { error, .. } if error.message.contains("outside of a partition's queue"));
        assert!(!self.log.has_event(stray), "messages came on the main queue");
    }
}

/// Processor time of this process.
pub fn cpu_time() -> Duration {
    cpu_time_of(libc::RUSAGE_SELF)
}

/// Processor time of this thread: other tests run in this process.
pub fn thread_cpu_time() -> Duration {
    cpu_time_of(libc::RUSAGE_THREAD)
}

fn cpu_time_of(whom: libc::c_int) -> Duration {
    // SAFETY: getrusage only writes to the zeroed value.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(whom, &mut usage);
        usage
    };
    let of = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    of(usage.ru_utime) + of(usage.ru_stime)
}
