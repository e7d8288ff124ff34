//! Reads ranges of partitions without a group: nothing is committed, and no coordinator hears of it. All partitions share one of
//! librdkafka's queues; what is taken from it becomes one batch for each partition.

use std::collections::{HashMap, VecDeque};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::types::{RDKafkaRespErr, RDKafkaType};

mod batches;

use self::batches::{place, Batches, Key};
use super::advice;
use super::places::{Place, ReaderConfig};
use crate::base::fork::ForkGuard;
use crate::base::sync::Mutex;
use crate::batch::Slice;
use crate::error::{c_string, codes, Error, KafkaError, Result};
use crate::filter::{Filter, Raw};
use crate::kafka::fetched::Fetched;
use crate::kafka::ffi::Queue;
use crate::kafka::meeting::Meeting;
use crate::kafka::troubles::Troubles;
use crate::kafka::{creation, oauth, settings};

const PARTITION_EOF: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF as i32;
const OPERATION: &str = "reading messages";

/// Messages of one partition.
pub struct ReadBatch {
    pub topic: Arc<str>,
    pub partition: i32,
    pub messages: Slice,
}

pub enum Read {
    Batch(ReadBatch),
    /// Not within the time.
    Nothing,
    /// Every range is read.
    Done,
}

struct Range {
    topic: Arc<str>,
    partition: i32,
    handle: *mut sys::rd_kafka_topic_t,
    to: Option<i64>,
    done: bool,
}

// SAFETY: librdkafka's handles may be used from any thread; it lives as long as its reader.
unsafe impl Send for Range {}

impl Range {
    fn is_over(&self, offset: i64) -> bool {
        self.to.is_some_and(|to| offset >= to)
    }
}

struct State {
    ranges: HashMap<Key, Range>,
    /// Taken, not handed out yet.
    ready: VecDeque<ReadBatch>,
    open: usize,
    /// Nothing has come since.
    waiting: Option<Instant>,
}

pub struct Reader {
    client: ManuallyDrop<Client<DefaultClientContext>>,
    queue: ManuallyDrop<Queue>,
    /// What librdkafka reports of its connections.
    main: ManuallyDrop<Queue>,
    tokens: Option<oauth::Registration>,
    troubles: ManuallyDrop<Arc<Troubles>>,
    state: Mutex<State>,
    max_messages: usize,
    only: Option<Filter>,
    limit: Option<Duration>,
    closed: AtomicBool,
    guard: ForkGuard,
}

impl Reader {
    /// Begins to fetch.
    pub fn new(config: ReaderConfig) -> Result<Self> {
        let mut kafka = settings::client_config(&config.kafka)?;
        kafka.set("enable.partition.eof", "true");
        let native = kafka
            .create_native_config()
            .map_err(|error| creation::refused(&error, &config.kafka))?;
        // SAFETY: the configuration is ours until the client takes it.
        unsafe { sys::rd_kafka_conf_set_events(native.ptr(), sys::RD_KAFKA_EVENT_ERROR) };
        let troubles = Troubles::new(|| {});
        let client = creation::create(
            &kafka,
            native,
            RDKafkaType::RD_KAFKA_CONSUMER,
            &config.kafka,
            &troubles,
            Meeting::Quiet,
        )?;
        // SAFETY: a living client; the handles are ours.
        let (queue, main) = unsafe {
            let main = Queue::from_ptr(sys::rd_kafka_queue_get_main(client.native_ptr()));
            (Queue::from_ptr(sys::rd_kafka_queue_new(client.native_ptr())), main)
        };
        let missing = || Error::Internal("librdkafka made no queue".to_owned());
        let (queue, main) = (queue.ok_or_else(missing)?, main.ok_or_else(missing)?);
        let reader = Reader {
            queue: ManuallyDrop::new(queue),
            main: ManuallyDrop::new(main),
            // SAFETY: given back in `drop`, before the client.
            tokens: unsafe { oauth::Registration::of(client.native_ptr(), &config.kafka) },
            client: ManuallyDrop::new(client),
            troubles: ManuallyDrop::new(troubles),
            state: Mutex::new(State {
                ranges: HashMap::new(),
                ready: VecDeque::new(),
                open: 0,
                waiting: None,
            }),
            max_messages: config.max_messages.max(1),
            only: config.only,
            limit: config.limit_ms.map(Duration::from_millis),
            closed: AtomicBool::new(false),
            guard: ForkGuard::new(),
        };
        for place in &config.places {
            reader.start(place)?;
        }
        Ok(reader)
    }

    fn start(&self, place: &Place) -> Result<()> {
        if place.to.is_some_and(|to| to <= place.from) {
            return Ok(());
        }
        let name = c_string("topic", &place.topic)?;
        // SAFETY: a living client; the name is copied, and the handle given back in `drop`.
        let (handle, started) = unsafe {
            let handle = sys::rd_kafka_topic_new(self.client.native_ptr(), name.as_ptr(), std::ptr::null_mut());
            if handle.is_null() {
                return Err(failed(KafkaError::from_number(codes::raw::rd_kafka_last_error())));
            }
            let queue = self.queue.as_ptr();
            (
                handle,
                sys::rd_kafka_consume_start_queue(handle, place.partition, place.from, queue),
            )
        };
        let mut state = self.state.lock();
        state.open += 1;
        let range = Range {
            topic: Arc::from(place.topic.as_str()),
            partition: place.partition,
            handle,
            to: place.to,
            done: false,
        };
        state.ranges.insert((handle as usize, place.partition), range);
        if started != 0 {
            // SAFETY: reads a thread-local of librdkafka's.
            return Err(failed(KafkaError::from_number(unsafe {
                codes::raw::rd_kafka_last_error()
            })));
        }
        Ok(())
    }

    /// The next batch. Of one partition they come in the order of the offsets.
    pub fn next(&self, within: Duration) -> Result<Read> {
        let until = Instant::now() + within;
        let mut state = self.state.lock();
        loop {
            if self.guard.is_foreign() {
                return Err(Error::Forked);
            }
            if self.closed.load(Ordering::SeqCst) {
                return Ok(Read::Done);
            }
            if let Some(batch) = state.ready.pop_front() {
                return Ok(Read::Batch(batch));
            }
            if state.open == 0 {
                return Ok(Read::Done);
            }
            let left = until.saturating_duration_since(Instant::now());
            let found = self.fetch(left);
            if found.is_empty() {
                let since = *state.waiting.get_or_insert_with(Instant::now);
                return match self.limit.filter(|limit| since.elapsed() >= *limit) {
                    Some(limit) => Err(self.timed_out(limit)),
                    None => Ok(Read::Nothing),
                };
            }
            state.waiting = None;
            self.sort(&mut state, found)?;
        }
    }

    /// The messages that have come, waiting for the first one.
    fn fetch(&self, within: Duration) -> Vec<Fetched> {
        let mut found: Vec<Fetched> = Vec::with_capacity(self.max_messages);
        // SAFETY: Fetched is a plain pointer in memory; librdkafka fills at most as many as there is room for, and says how many.
        unsafe {
            let first = sys::rd_kafka_consume_queue(self.queue.as_ptr(), within.as_millis() as i32);
            if first.is_null() {
                return found;
            }
            found.push(Fetched::from_ptr(first));
            let room = self.max_messages - 1;
            let rest = found.as_mut_ptr().add(1).cast();
            let count = sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, rest, room);
            found.set_len(1 + count.max(0) as usize);
        }
        found
    }

    /// One look-up for each run of messages of the same partition, as they come in runs.
    fn sort(&self, state: &mut State, found: Vec<Fetched>) -> Result<()> {
        let mut batches = Batches::of(&found);
        for run in found.chunk_by(|one, next| place(one) == place(next)) {
            let key = place(&run[0]);
            let Some(range) = state.ranges.get_mut(&key).filter(|range| !range.done) else {
                continue;
            };
            for message in run {
                match message.code() {
                    codes::NO_ERROR => {
                        let offset = message.offset();
                        if !range.is_over(offset) && self.wants(message) {
                            // SAFETY: a valid message without error.
                            unsafe { batches.at(key).append(message.as_ptr()) };
                        }
                        range.done = range.is_over(offset + 1);
                    }
                    PARTITION_EOF => range.done = range.is_over(message.offset()),
                    code => {
                        let error = KafkaError::from_number(code).with_message(message.error_text());
                        if !error.retryable {
                            return Err(failed(error.at(&range.topic.clone(), range.partition)));
                        }
                    }
                }
                if range.done {
                    state.open -= 1;
                    // SAFETY: the handle is alive, and the partition was started.
                    unsafe { sys::rd_kafka_consume_stop(range.handle, range.partition) };
                    break;
                }
            }
        }
        for (key, batch) in batches.filled() {
            if let Some(range) = state.ranges.get(&key) {
                state.ready.push_back(ReadBatch {
                    topic: range.topic.clone(),
                    partition: range.partition,
                    messages: Slice::whole(batch),
                });
            }
        }
        Ok(())
    }

    fn wants(&self, message: &Fetched) -> bool {
        // SAFETY: a valid message without error, which outlives the look at it.
        let matches = |only: &Filter| only.matches(unsafe { &Raw::new(message.as_ptr()) });
        self.only.as_ref().is_none_or(matches)
    }

    fn timed_out(&self, limit: Duration) -> Error {
        while let Some(event) = self.main.poll(0) {
            if let Some(error) = event.error() {
                let _noted = self.troubles.error(error);
            }
        }
        let mut error = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT);
        error.message = match self.troubles.during(limit) {
            Some(trouble) => format!("nothing came within {} ms: {}", limit.as_millis(), trouble.text),
            None => format!("nothing came within {} ms", limit.as_millis()),
        };
        failed(error)
    }

    /// Makes a blocked `next` return soon.
    pub fn wake(&self) {
        if !self.guard.is_foreign() {
            self.queue.wake();
        }
    }

    pub fn is_foreign(&self) -> bool {
        self.guard.is_foreign()
    }

    /// What comes next is the end.
    pub fn cancel(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake();
    }
}

fn failed(error: KafkaError) -> Error {
    Error::Kafka {
        operation: OPERATION,
        source: Box::new(advice::added(error)),
    }
}

impl Drop for Reader {
    /// May wait for librdkafka's threads; in a forked child everything is left alone.
    fn drop(&mut self) {
        if self.guard.is_foreign() {
            std::mem::forget(self.tokens.take());
            return;
        }
        let mut state = self.state.lock();
        state.ready.clear();
        for range in state.ranges.values() {
            // SAFETY: each handle is alive and given back once; partitions that are not read any more are left out.
            unsafe {
                if !range.done {
                    sys::rd_kafka_consume_stop(range.handle, range.partition);
                }
                sys::rd_kafka_topic_destroy(range.handle);
            }
        }
        drop(state);
        self.tokens = None;
        // SAFETY: each is dropped once, here: the queue before its client, what its threads refer to after it.
        unsafe {
            ManuallyDrop::drop(&mut self.queue);
            ManuallyDrop::drop(&mut self.main);
            ManuallyDrop::drop(&mut self.client);
            ManuallyDrop::drop(&mut self.troubles);
        }
    }
}
