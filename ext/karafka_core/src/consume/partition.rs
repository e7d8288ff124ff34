//! One assigned partition: an actor that at most one worker holds at a time, which keeps the order of its messages.
//! Position, pause, attempts and queue belong to one assignment, and die with this object.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::sync::{Condvar, Mutex};
use crate::batch::{Batch, Slice};
use crate::config::TopicConfig;
use crate::consume::commit_metadata::Origin;
use crate::consume::eligibility::Skipped;
use crate::consume::group::Group;
use crate::consume::leader_epochs::LeaderEpochs;
use crate::consume::mailbox::Mailbox;
use crate::consume::marks::Marks;
use crate::error::c_string;
use crate::error::{Error, Result};
use crate::event::{Event, TopicPartition};
use crate::kafka::fetch_queue::FetchQueue;
use crate::kafka::ffi::Commit;

mod asking;
mod beginning;
mod counting;
mod fetch_queue;
mod handover;
mod idle;
pub(crate) mod log_end;
mod next_batch;
mod offsets;
mod parallel;
mod phase;
mod pieces;
mod restored_acks;
mod retry_position;
mod revocation;
mod seek_and_pause;
mod seeking;
mod serial;
mod settling;
mod snapshot;
mod whereabouts;
mod work;

pub(crate) use beginning::Begin;
use counting::Figures;
use fetch_queue::{FetchCallback, Prefetched};
use handover::Handover;
use idle::Idle;
pub use offsets::Marked;
use phase::{Phase, Step};
pub use revocation::Out;
pub use snapshot::{LeaseOut, Paused, Snapshot};
pub use whereabouts::{Standing, Whereabouts};
use work::Work;

/// A timer keeps its partition in memory, even after the assignment is over. An extra look costs nothing.
const LONGEST_TIMER: Duration = Duration::from_secs(60);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Where to go on reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Offset(i64),
    Earliest,
    Latest,
    /// The first message at or after this time; the end when all are older.
    TimeMs(i64),
}

impl Position {
    /// The least offset it can be. None: only a broker knows.
    pub(crate) fn lower_bound(self) -> Option<i64> {
        match self {
            Position::Offset(offset) => Some(offset),
            Position::Latest => Some(i64::MAX),
            Position::Earliest | Position::TimeMs(_) => None,
        }
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Pause {
    #[default]
    No,
    Until(Instant),
    UntilResumed,
}

struct Filling {
    batch: Batch,
    deadline: Instant,
}

/// The next messages, as far as they are known.
#[derive(Default)]
struct Reading {
    /// Fetched, not yet handed out (or handed out and failed).
    carry: Option<Slice>,
    filling: Option<Filling>,
    /// The answers about metadata that had come when these were drained.
    drained_at: u64,
    seek: Option<Position>,
    pause: Pause,
    /// The last drain stopped because the batch was full: there may be more.
    more: bool,
    reached_end: bool,
}

impl Reading {
    /// Fetched messages are not handed out. They are fetched again where they are still wanted.
    fn drop_fetched(&mut self) {
        self.carry = None;
        self.filling = None;
    }

    /// Messages, or the end of the partition, can be handed out without a call-back of librdkafka.
    fn has_more(&self) -> bool {
        self.carry.is_some() || self.more || self.reached_end
    }
}

struct State {
    begin: Begin,
    anew: bool,
    /// Identifies the topic, in the metadata of each commit.
    origin: Origin,
    /// The committed offset at the assignment.
    found: Option<Commit>,
    phase: Phase,
    reading: Reading,
    work: Work,
    /// Since when a worker moves the position, or looks it up.
    moving: Option<Instant>,
    timer_at: Option<Instant>,
    idle: Idle,
    handover: Handover,
    /// The offset of the last commit, answered or not.
    commit_sent: i64,
    commit_sent_at: Instant,
    /// The offset that a broker has confirmed.
    committed: i64,
    /// The versions of the commit metadata that were sent and confirmed.
    metadata_sent: u64,
    metadata_committed: u64,
    /// The user's own text, committed beside the offset.
    metadata: Option<Arc<str>>,
    metadata_version: u64,
}

impl State {
    fn has_topic_id(&self) -> bool {
        self.origin.topic_id.is_some()
    }

    /// A worker has a lease, or moves the position.
    fn is_out(&self) -> bool {
        self.moving.is_some() || self.work.is_out()
    }
}

pub struct Partition {
    pub id: u64,
    pub(crate) group: Arc<Group>,
    pub topic: Arc<str>,
    pub topic_name: CString,
    pub topic_index: usize,
    pub number: i32,
    pub generation: u64,
    mailbox: Mailbox,
    /// Marks count. An atomic, since marks do not take the state's lock.
    alive: AtomicBool,
    pub(crate) marks: Marks,
    pub(crate) epochs: LeaderEpochs,
    pub(crate) skipped: Skipped,
    pub(crate) figures: Figures,
    /// The offset after the last message that was drained; -1: any may be the next.
    pub(crate) fetched_to: AtomicI64,
    /// Where reading was moved to, or what was not processed behind it; -1: nothing is known of what comes next.
    pub(crate) moved_to: AtomicI64,
    prefetched: Prefetched,
    /// Messages are held until it is known whether the topic is the same one.
    held: AtomicBool,
    /// A message was fetched, so it is known where this assignment began.
    begun: AtomicBool,
    fetch_queue: Mutex<Option<FetchCallback>>,
    state: Mutex<State>,
    settled: Condvar,
}

impl Partition {
    pub(crate) fn new(
        group: Arc<Group>,
        topic: &str,
        topic_index: usize,
        number: i32,
        generation: u64,
    ) -> Result<Arc<Self>> {
        let config = group.topic(topic_index);
        let state = State {
            begin: Begin::Unknown,
            anew: false,
            origin: Origin::default(),
            found: None,
            phase: Phase::Open,
            reading: Reading::default(),
            work: Work::new(config),
            moving: None,
            timer_at: None,
            idle: Idle::default(),
            handover: Handover::default(),
            commit_sent: -1,
            commit_sent_at: Instant::now(),
            committed: -1,
            metadata_sent: 0,
            metadata_committed: 0,
            metadata: None,
            metadata_version: 0,
        };
        // Each lane has a consumer of its own, so an id of its own.
        let ids = config.parallel.as_ref().map_or(1, |parallel| parallel.limit as u64);
        Ok(Arc::new(Partition {
            id: NEXT_ID.fetch_add(ids, Ordering::Relaxed),
            figures: Figures::new(group.group_id(), topic),
            group,
            topic: Arc::from(topic),
            topic_name: c_string("topic", topic)?,
            topic_index,
            number,
            generation,
            mailbox: Mailbox::default(),
            alive: AtomicBool::new(true),
            marks: Marks::default(),
            epochs: LeaderEpochs::default(),
            skipped: Skipped::default(),
            fetched_to: AtomicI64::new(-1),
            moved_to: AtomicI64::new(-1),
            prefetched: Prefetched::default(),
            held: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            fetch_queue: Mutex::new(None),
            state: Mutex::new(state),
            settled: Condvar::new(),
        }))
    }

    pub fn group_index(&self) -> usize {
        self.group.index
    }

    pub(crate) fn place(&self) -> TopicPartition {
        (self.topic.clone(), self.number)
    }

    pub fn config(&self) -> &TopicConfig {
        self.group.topic(self.topic_index)
    }

    /// Switches on the call-back of the partition's queue. A reference cycle until `end`.
    pub fn open(self: &Arc<Self>, queue: FetchQueue) {
        let mut fetch_queue = self.fetch_queue.lock();
        *fetch_queue = Some(FetchCallback::start(queue, self.clone()));
    }

    /// Switches the call-back off and gives the queue back. Waits for a drain that is running.
    fn close_queue(&self) {
        let fetch_queue = self.fetch_queue.lock().take();
        drop(fetch_queue);
    }

    // ---- scheduling --------------------------------------------------------------------------------------------

    /// Data has come, or the partition was resumed, or the process stops: it goes on the ready queue.
    pub fn notify(self: &Arc<Self>) {
        if self.mailbox.notify() {
            self.group.ready.push(self.clone());
        }
    }

    /// As `notify`, by a worker that takes the next lease itself.
    pub(crate) fn notify_own(self: &Arc<Self>) {
        if self.mailbox.notify() {
            self.group.ready.push_back_own(self.clone());
        }
    }

    /// Lets go; another worker looks.
    pub(crate) fn requeue(self: &Arc<Self>) {
        self.mailbox.requeue();
        self.group.ready.push(self.clone());
    }

    /// As `notify`, for code that holds the ready queue's lock. True: it has to queue this partition.
    pub(crate) fn mark_ready(&self) -> bool {
        self.mailbox.notify()
    }

    pub(crate) fn begin_lease(&self) {
        self.mailbox.take();
    }

    /// Lets go without work; queued again only if it was notified meanwhile.
    pub(crate) fn park(self: &Arc<Self>) {
        if !self.mailbox.park() {
            self.group.ready.push(self.clone());
        }
    }

    pub(crate) fn look_again(self: &Arc<Self>) {
        self.mailbox.requeue();
        self.group.ready.push_back_own(self.clone());
    }

    fn wake_at(self: &Arc<Self>, state: &mut State, at: Instant) {
        let at = at.min(Instant::now() + LONGEST_TIMER);
        // One timer is enough: when an earlier one fires, the next is set.
        if state.timer_at.is_none_or(|set| set <= Instant::now() || at < set) {
            state.timer_at = Some(at);
            self.group.ready.push_at(self.clone(), at);
        }
    }

    pub(crate) fn report(&self, error: Error) {
        let error = match error {
            Error::Kafka { source, .. } => source.at(&self.topic, self.number),
            other => crate::error::KafkaError::internal(other.to_string()).at(&self.topic, self.number),
        };
        self.group.emit(Event::Error {
            group: self.group.id.clone(),
            error,
        });
    }
}
