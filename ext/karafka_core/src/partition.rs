//! One assigned partition: an actor that at most one worker holds at a time, which keeps its order.
//! Everything that belongs to an assignment (position, pause, attempts, queue) lives and dies with this object.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::batch::{Batch, Slice};
use crate::config::TopicConfig;
use crate::error::{Error, Result};
use crate::event::{Event, TopicPartition};
use crate::failures::Failures;
use crate::group::Group;
use crate::leader_epochs::LeaderEpochs;
use crate::lease::Kind;
use crate::mailbox::Mailbox;
use crate::marks::Marks;
use crate::native::{c_string, Queue};
use crate::selection::Skipped;
use crate::sync::{Condvar, Mutex};

mod handing_out;
mod idle;
mod listening;
mod offsets;
mod parallel;
mod restoring;
mod revocation;
mod seeking;
mod settling;
mod succession;

use idle::Idle;
use listening::Listening;
pub(crate) use parallel::{Lanes, Parallel};
pub use revocation::Out;
use succession::Succession;

/// A timer keeps its partition in memory, also after the assignment is over. A look in between costs nothing.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    No,
    Until(Instant),
    UntilResumed,
}

pub(crate) struct Filling {
    batch: Batch,
    deadline: Instant,
}

pub(crate) struct State {
    /// Fetched, not yet handed out (or handed out and failed).
    pub carry: Option<Slice>,
    filling: Option<Filling>,
    pub seek: Option<Position>,
    pub pause: Pause,
    timer_at: Option<Instant>,
    pub attempt: u32,
    pub failures: Failures,
    /// The offset after the last message that was handed out; a rewind takes it back. -1: none since the start or a seek.
    pub delivered_to: i64,
    pub leased: Option<(Kind, Instant)>,
    idle: Idle,
    succession: Succession,
    revoking: bool,
    has_consumer: bool,
    farewell_given: bool,
    pub finished: bool,
    /// The assignment is over for good; the farewell may be handed out.
    ended: bool,
    /// The last drain stopped because the batch was full: there may be more.
    pub more: bool,
    average_bytes: usize,
    reached_end: bool,
    /// What the last commit asked for, answered or not.
    commit_sent: i64,
    commit_sent_at: Instant,
    /// What a broker has confirmed.
    committed: i64,
    /// Which state of the commit metadata was sent, and which was confirmed.
    metadata_sent: u64,
    metadata_committed: u64,
    /// The user's own text, committed beside the offset.
    pub metadata: Option<Arc<str>>,
    metadata_version: u64,
    /// None: one lease at a time, in order.
    pub parallel: Option<Box<Parallel>>,
    /// When the host may be asked for keys again, after it could not say them.
    pub ask_again_at: Option<Instant>,
}

impl State {
    /// Some worker has a lease of this partition.
    fn is_out(&self) -> bool {
        self.leased.is_some() || self.lanes_are_out()
    }

    fn lanes_are_out(&self) -> bool {
        self.parallel.as_ref().is_some_and(|parallel| parallel.is_out())
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
    alive: AtomicBool,
    pub(crate) marks: Marks,
    pub(crate) epochs: LeaderEpochs,
    pub(crate) skipped: Skipped,
    /// Something was fetched: where this assignment began is known.
    begun: AtomicBool,
    listening: Mutex<Option<Listening>>,
    pub(crate) state: Mutex<State>,
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
        let parallel = config.parallel.as_ref();
        let state = State {
            carry: None,
            filling: None,
            seek: None,
            pause: Pause::No,
            timer_at: None,
            attempt: 1,
            failures: Failures::default(),
            delivered_to: -1,
            leased: None,
            idle: Idle::default(),
            succession: Succession::default(),
            revoking: false,
            has_consumer: false,
            farewell_given: false,
            finished: false,
            ended: false,
            more: false,
            average_bytes: 256,
            reached_end: false,
            commit_sent: -1,
            commit_sent_at: Instant::now(),
            committed: -1,
            metadata_sent: 0,
            metadata_committed: 0,
            metadata: None,
            metadata_version: 0,
            ask_again_at: None,
            parallel: parallel.map(|parallel| Box::new(Parallel::new(parallel, config.max_messages, config.max_bytes))),
        };
        // Each lane has a consumer of its own, and so an id.
        let ids = parallel.map_or(1, |parallel| parallel.limit as u64);
        Ok(Arc::new(Partition {
            id: NEXT_ID.fetch_add(ids, Ordering::Relaxed),
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
            begun: AtomicBool::new(false),
            listening: Mutex::new(None),
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

    /// The first message of this assignment is there. Says so where this process had committed a later one.
    pub(crate) fn begins_at(&self, offset: i64) {
        if self.begun.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(committed) = self.group.known_commits.beyond(&self.place(), offset) {
            self.group.emit(Event::WentBack {
                group: self.group.id.clone(),
                topic: self.topic.clone(),
                partition: self.number,
                offset,
                committed,
            });
        }
    }

    pub fn config(&self) -> &TopicConfig {
        self.group.topic(self.topic_index)
    }

    /// Starts listening to the partition's queue. A reference cycle until `end`.
    pub fn open(self: &Arc<Self>, queue: Queue) {
        let mut listening = self.listening.lock();
        *listening = Some(Listening::start(queue, self.clone()));
    }

    /// Stops listening and gives the queue back. Waits for a drain that is running.
    fn close_queue(&self) {
        let listening = self.listening.lock().take();
        drop(listening);
    }

    // ---- scheduling --------------------------------------------------------------------------------------------

    /// Something happened: data, a resume, a stop.
    pub fn notify(self: &Arc<Self>) {
        if self.mailbox.notify() {
            self.group.ready.push(self.clone());
        }
    }

    /// As `notify`, by a worker that comes back for more itself.
    pub(crate) fn notify_own(self: &Arc<Self>) {
        if self.mailbox.notify() {
            self.group.ready.push_back_own(self.clone());
        }
    }

    /// Lets go, and another worker is to look.
    pub(crate) fn requeue(self: &Arc<Self>) {
        self.mailbox.requeue();
        self.group.ready.push(self.clone());
    }

    /// As `notify`, for whoever holds the ready queue's lock: true asks it to queue this partition.
    pub(crate) fn mark_ready(&self) -> bool {
        self.mailbox.notify()
    }

    pub(crate) fn begin_lease(&self) {
        self.mailbox.take();
    }

    /// Lets go without work; looks again only if something happened meanwhile.
    pub(crate) fn park(self: &Arc<Self>) {
        if !self.mailbox.park() {
            self.group.ready.push(self.clone());
        }
    }

    pub(crate) fn look_again(self: &Arc<Self>) {
        self.mailbox.requeue();
        self.group.ready.push_back_own(self.clone());
    }

    fn look_at(self: &Arc<Self>, state: &mut State, at: Instant) {
        let at = at.min(Instant::now() + LONGEST_TIMER);
        // One timer is enough: an earlier one looks and sets the next.
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
