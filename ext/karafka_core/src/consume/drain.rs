//! Takes what librdkafka has fetched for one partition, and copies it into an arena.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use crate::batch::Batch;
use crate::config::InitialOffset;
use crate::config::TopicConfig;
use crate::consume::partition::Partition;
use crate::error::codes;
use crate::error::{Error, KafkaError};
use crate::filter::Raw;
use crate::kafka::fetch_queue::{FetchQueue, Then};
use crate::kafka::fetched::Fetched;

pub struct Drained {
    /// The batch so far and until when it may be filled. None: it has no message.
    pub batch: Option<(Batch, Instant)>,
    /// The drain stopped because it had enough, the queue may hold more.
    pub more: bool,
    pub reached_end: bool,
    /// Before this offset nothing is left of what was fetched, where there is no batch. -1: unknown.
    pub passed: i64,
    /// From this offset on a later leader has written other messages than those that were read before.
    pub rewritten: Option<i64>,
    /// Reading went back, though nobody sought, and the log is shorter than what was read of it: it is another one.
    pub shorter: bool,
    /// Offsets that were not read yet and that the log no longer has: the first one, and the one behind the last.
    pub missing: Option<(i64, i64)>,
}

/// With a filter this many messages are looked at for one batch, or until it is full: then the turn is another partition's.
const LOOKED_AT: usize = 10_000;
/// With a filter nobody knows how many of the messages are wanted. More room comes as it is needed.
const ROOM_WITH_FILTER: usize = 16;
/// Where none was taken yet.
const ASSUMED_BYTES: usize = 256;

/// Continues `open`, or starts a batch if something is queued. `has_id`: it can be asked which topic this is.
pub fn drain(partition: &Partition, queue: &mut FetchQueue, open: Option<(Batch, Instant)>, has_id: bool) -> Drained {
    let mut drain = Drain {
        partition,
        config: partition.config(),
        waiting: queue.len(),
        has_id,
        run: None,
        looked_at: 0,
        bytes: 0,
        left_out: 0,
        drained: Drained {
            batch: open,
            more: false,
            reached_end: false,
            passed: -1,
            rewritten: None,
            shorter: false,
            missing: None,
        },
    };
    let more = queue.each(drain.wanted(), |message| drain.take(message));
    drain.end(more)
}

/// Messages of one leader, in order.
struct Run {
    first: i64,
    last: i64,
    epoch: i32,
}

struct Drain<'a> {
    partition: &'a Partition,
    config: &'a TopicConfig,
    /// In the queue at the beginning.
    waiting: usize,
    has_id: bool,
    run: Option<Run>,
    looked_at: usize,
    bytes: usize,
    left_out: u64,
    drained: Drained,
}

impl Drain<'_> {
    /// How many messages the batch has room for.
    fn wanted(&self) -> usize {
        let has = self.drained.batch.as_ref().map_or(0, |(batch, _)| batch.len());
        match self.config.selection.only {
            Some(_) => LOOKED_AT,
            None => self.config.max_messages.saturating_sub(has),
        }
    }

    fn take(&mut self, message: &Fetched) -> Then {
        match message.code() {
            codes::NO_ERROR => return self.look_at(message),
            PARTITION_EOF => {
                self.drained.reached_end = true;
                self.partition.figures.log_end.met(message.offset());
                self.pass_to_end(message.offset());
            }
            code => {
                let source = KafkaError::from_number(code).with_message(message.error_text());
                self.partition.report(Error::Kafka {
                    operation: "fetching",
                    source: Box::new(source),
                });
            }
        }
        Then::GoOn
    }

    fn look_at(&mut self, message: &Fetched) -> Then {
        let offset = message.offset();
        self.read(offset, message.leader_epoch());
        self.looked_at += 1;
        self.bytes += message.data_bytes();
        if let Some(only) = &self.config.selection.only {
            // Also of one that goes into the batch: the batch ends behind the last one that was looked at.
            self.drained.passed = self.drained.passed.max(offset + 1);
            // SAFETY: a valid message without error, which outlives the look at it.
            if !only.matches(unsafe { &Raw::new(message.as_ptr()) }) {
                self.left_out += 1;
                return self.then(false);
            }
        }
        self.drained.reached_end = false;
        let full = self.append(message);
        self.then(full)
    }

    fn then(&self, full: bool) -> Then {
        let enough = self.config.selection.only.is_some() && self.looked_at >= LOOKED_AT;
        if full || enough {
            Then::Stop
        } else {
            Then::GoOn
        }
    }

    /// True: the batch is full.
    fn append(&mut self, message: &Fetched) -> bool {
        let config = self.config;
        if self.drained.batch.is_none() {
            let (messages, bytes) = self.room(message.data_bytes());
            let wait = Duration::from_millis(config.max_wait_time_ms);
            self.drained.batch = Some((Batch::with_capacity(messages, bytes), Instant::now() + wait));
        }
        let Some((batch, _)) = &mut self.drained.batch else {
            return false;
        };
        // SAFETY: a valid message without error.
        unsafe { batch.append(message.as_ptr()) };
        batch.len() >= config.max_messages || batch.data_bytes() >= config.max_bytes
    }

    /// What a batch that begins now needs, by what waits and how large messages are. They are not all of one size: a quarter more.
    fn room(&self, first_bytes: usize) -> (usize, usize) {
        let most = match self.config.selection.only {
            Some(_) => ROOM_WITH_FILTER,
            None => self.waiting,
        };
        let messages = most.min(self.config.max_messages).max(1);
        let average = match self.partition.average_bytes() {
            0 => ASSUMED_BYTES,
            average => average,
        };
        let bytes = messages
            .saturating_mul(average + average / 4)
            .min(self.config.max_bytes);
        (messages, bytes.max(first_bytes))
    }

    /// Notes what was read, and of which leader.
    fn read(&mut self, offset: i64, epoch: i32) {
        if let Some(run) = &mut self.run {
            if run.epoch == epoch && offset > run.last {
                run.last = offset;
                return;
            }
        }
        let goes_on = self.run.as_ref().is_some_and(|run| offset > run.last);
        self.end_run();
        if !goes_on {
            self.partition.begins_at(offset);
            self.compare(offset);
        }
        self.run = Some(Run {
            first: offset,
            last: offset,
            epoch,
        });
    }

    fn end_run(&mut self) {
        let Some(Run { first, last, epoch }) = self.run.take() else {
            return;
        };
        let rewritten = self.partition.epochs.read([(first, epoch), (last, epoch)].into_iter());
        self.drained.rewritten = self.drained.rewritten.or(rewritten);
        self.partition.fetched_to.store(last + 1, Ordering::Relaxed);
    }

    /// Where reading did not go on behind what was read before: librdkafka has moved, since that offset is not in the log.
    fn compare(&mut self, first: i64) {
        let fetched_to = self.partition.fetched_to.load(Ordering::Relaxed);
        let before = match fetched_to {
            -1 => self.partition.moved_to.load(Ordering::Relaxed),
            known => known,
        };
        if before < 0 || first == before {
            return;
        }
        let (low, high) = self.partition.seen_of_log();
        if first > before {
            // Offsets may be missing anywhere; these are missing because the log begins later.
            if low > before {
                let skips = self.partition.group.config.initial_offset() == InitialOffset::LatestAlways;
                self.drained.missing = Some((before, if skips { first } else { low.min(first) }));
            }
        } else if fetched_to >= 0 && !self.has_id {
            // Else it is asked whether the topic is the same one.
            self.drained.shorter |= high < before || first == low;
        }
    }

    /// Everything before `end` was fetched. Where transactions end there are offsets without a message, and aborted messages are
    /// never delivered: only the end of the partition says that they were read. Nothing is known where reading was moved and no
    /// message has come since.
    fn pass_to_end(&mut self, end: i64) {
        self.end_run();
        let before = self.partition.fetched_to.load(Ordering::Relaxed);
        if before < 0 || end <= before {
            return;
        }
        self.compare(end);
        self.partition.fetched_to.store(end, Ordering::Relaxed);
        self.drained.passed = self.drained.passed.max(end);
    }

    fn end(mut self, more: bool) -> Drained {
        self.end_run();
        self.partition
            .skipped
            .filtered
            .fetch_add(self.left_out, Ordering::Relaxed);
        let mut drained = self.drained;
        drained.more = more;
        let metrics = &self.partition.figures.metrics;
        metrics.filtered_messages.add(self.left_out);
        if self.looked_at > 0 {
            metrics.fetched_messages.add(self.looked_at as u64);
            metrics.fetched_bytes.add(self.bytes as u64);
            self.partition.note_sizes(self.looked_at, self.bytes);
        }
        if let Some((batch, _)) = &mut drained.batch {
            batch.pass(drained.passed);
        }
        drained
    }
}

const PARTITION_EOF: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF as i32;
