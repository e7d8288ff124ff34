//! One assigned partition: an actor that at most one worker holds at a time, which keeps its order.
//! Everything that belongs to an assignment (position, pause, attempts, queue) lives and dies with this object.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, MutexGuard};
use rdkafka::bindings as sys;

use crate::batch::{Batch, Slice};
use crate::config::TopicConfig;
use crate::drain::{drain, Drained};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::group::Group;
use crate::lease::{Kind, Lease};
use crate::mailbox::Mailbox;
use crate::native::{c_string, Queue, OFFSET_BEGINNING, OFFSET_END};

/// How long one seek or time look-up may take before it is tried again.
const POSITION_TIMEOUT: Duration = Duration::from_secs(5);
const POSITION_RETRY: Duration = Duration::from_secs(1);
/// A timer keeps its partition in memory, also after the assignment is over. A look in between costs nothing.
const LONGEST_TIMER: Duration = Duration::from_secs(60);
/// After so long without an answer a commit is sent again.
const COMMIT_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How soon a wait for a lease sees that the host gave up.
const GIVE_UP_INTERVAL: Duration = Duration::from_millis(20);

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
    pub leased: Option<(Kind, Instant)>,
    revoking: bool,
    has_consumer: bool,
    farewell_given: bool,
    pub finished: bool,
    /// The assignment is over for good; the farewell may be handed out.
    ended: bool,
    /// First offset ever handed out after the last seek; where a retry goes when nothing is marked.
    pub first_delivered: i64,
    /// The last drain stopped because the batch was full: there may be more.
    pub more: bool,
    average_bytes: usize,
    reached_end: bool,
    /// What the last commit asked for, answered or not.
    commit_sent: i64,
    commit_sent_at: Instant,
    /// What a broker has confirmed.
    committed: i64,
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
    /// The offset after the last processed message; -1: nothing is marked.
    marked: AtomicI64,
    listening: Mutex<Option<Listening>>,
    pub(crate) state: Mutex<State>,
    settled: Condvar,
}

/// A partition's queue while its call-back is on. Dropping it switches the call-back off and gives the queue back.
struct Listening {
    queue: Queue,
    opaque: *mut Arc<Partition>,
}

// SAFETY: the queue is thread-safe, the pointer is only handed to librdkafka and taken back once.
unsafe impl Send for Listening {}

impl Listening {
    fn start(queue: Queue, partition: Arc<Partition>) -> Self {
        let opaque = Box::into_raw(Box::new(partition));
        // SAFETY: a living handle; the pointer stays valid until Drop has switched the call-back off.
        unsafe { sys::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(on_filled), opaque.cast()) };
        Listening { queue, opaque }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // SAFETY: librdkafka calls back under the lock that switching off takes: after it no call runs or will run.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, std::ptr::null_mut());
            drop(Box::from_raw(self.opaque));
        }
    }
}

unsafe extern "C" fn on_filled(_: *mut sys::rd_kafka_t, opaque: *mut libc::c_void) {
    // SAFETY: the pointer of `Listening::start`, valid while the call-back is on.
    let partition = unsafe { &*opaque.cast::<Arc<Partition>>() };
    partition.notify();
}

impl Partition {
    pub(crate) fn new(
        group: Arc<Group>,
        topic: &str,
        topic_index: usize,
        number: i32,
        generation: u64,
    ) -> Result<Arc<Self>> {
        let state = State {
            carry: None,
            filling: None,
            seek: None,
            pause: Pause::No,
            timer_at: None,
            attempt: 1,
            leased: None,
            revoking: false,
            has_consumer: false,
            farewell_given: false,
            finished: false,
            ended: false,
            first_delivered: -1,
            more: false,
            average_bytes: 256,
            reached_end: false,
            commit_sent: -1,
            commit_sent_at: Instant::now(),
            committed: -1,
        };
        Ok(Arc::new(Partition {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            group,
            topic: Arc::from(topic),
            topic_name: c_string("topic", topic)?,
            topic_index,
            number,
            generation,
            mailbox: Mailbox::default(),
            alive: AtomicBool::new(true),
            marked: AtomicI64::new(-1),
            listening: Mutex::new(None),
            state: Mutex::new(state),
            settled: Condvar::new(),
        }))
    }

    pub fn group_index(&self) -> usize {
        self.group.index
    }

    pub fn config(&self) -> &TopicConfig {
        self.group.topic(self.topic_index)
    }

    // ---- queue -------------------------------------------------------------------------------------------------

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

    /// What there is to do now, if anything. Called by the worker that took this partition from the ready queue.
    pub fn lease(self: &Arc<Self>) -> Option<Lease> {
        let mut state = self.state.lock();
        if state.ended {
            return self.farewell(state, Kind::Revoked);
        }
        if self.group.is_stopping() && !state.revoking {
            return self.farewell(state, Kind::Shutdown);
        }
        if state.revoking || self.group.is_quiet() {
            drop(state);
            self.park();
            return None;
        }
        match state.pause {
            Pause::UntilResumed => {
                drop(state);
                self.park();
                return None;
            }
            Pause::Until(at) if at > Instant::now() => {
                self.look_at(&mut state, at);
                drop(state);
                self.park();
                return None;
            }
            _ => state.pause = Pause::No,
        }
        if let Some(position) = state.seek.take() {
            state.carry = None;
            state.filling = None;
            state.leased = Some((Kind::Seek, Instant::now()));
            let sought = state.unlocked(|| self.apply_seek(position));
            state.leased = None;
            self.settled.notify_all();
            if let Err(error) = sought {
                self.report(error);
                state.seek.get_or_insert(position);
                // The user may have paused it meanwhile.
                if state.pause == Pause::No {
                    state.pause = Pause::Until(Instant::now() + POSITION_RETRY);
                }
            }
            drop(state);
            self.look_again();
            return None;
        }
        match self.next_slice(&mut state) {
            Some(slice) => Some(self.hand_out(&mut state, Kind::Consume, slice)),
            None if state.reached_end => {
                state.reached_end = false;
                Some(self.hand_out(&mut state, Kind::Eofed, Slice::whole(Batch::with_capacity(0, 0))))
            }
            None => {
                drop(state);
                self.park();
                None
            }
        }
    }

    fn hand_out(self: &Arc<Self>, state: &mut State, kind: Kind, slice: Slice) -> Lease {
        state.leased = Some((kind, Instant::now()));
        state.has_consumer = true;
        if let (-1, Some(first)) = (state.first_delivered, slice.first_offset()) {
            state.first_delivered = first;
        }
        Lease::new(self.clone(), kind, slice, state.attempt)
    }

    /// The last lease of a partition: once, and only if somebody has seen the partition at all.
    fn farewell(self: &Arc<Self>, mut state: MutexGuard<'_, State>, kind: Kind) -> Option<Lease> {
        state.carry = None;
        state.filling = None;
        if state.has_consumer && !state.farewell_given {
            state.farewell_given = true;
            return Some(self.hand_out(&mut state, kind, Slice::whole(Batch::with_capacity(0, 0))));
        }
        state.finished = true;
        drop(state);
        self.settled.notify_all();
        self.park();
        self.group.wake_poller();
        None
    }

    /// The worker that held it failed inside the engine: nothing more is handed out, and no stop waits for it.
    pub(crate) fn give_up(self: &Arc<Self>) {
        {
            let mut state = self.state.lock();
            state.leased = None;
            state.has_consumer = false;
            state.finished = true;
        }
        self.settled.notify_all();
        self.park();
        self.group.wake_poller();
    }

    fn next_slice(self: &Arc<Self>, state: &mut State) -> Option<Slice> {
        let config = self.config();
        if state.carry.is_none() {
            let listening = self.listening.lock();
            let queue = &listening.as_ref()?.queue;
            let open = state.filling.take().map(|filling| (filling.batch, filling.deadline));
            let Drained {
                batch,
                more,
                reached_end,
                average_bytes,
            } = drain(self, queue, open, state.average_bytes);
            drop(listening);
            state.more = more;
            state.reached_end |= reached_end && config.eofed;
            state.average_bytes = average_bytes;
            let (batch, deadline) = batch?;
            let full = batch.len() >= config.max_messages || batch.data_bytes() >= config.max_bytes;
            let at_end = reached_end && config.eofed;
            if !full && !at_end && deadline > Instant::now() {
                self.look_at(state, deadline);
                state.filling = Some(Filling { batch, deadline });
                return None;
            }
            state.carry = Some(Slice::whole(batch));
        } else {
            // The queue is not looked at, and the notice of what came meanwhile may be the one that led here:
            // librdkafka gives no other until the queue was empty.
            state.more = true;
        }
        let carry = state.carry.as_mut()?;
        let slice = carry.split_front(config.max_messages, config.max_bytes);
        if carry.is_empty() {
            state.carry = None;
        }
        Some(slice)
    }

    fn apply_seek(&self, position: Position) -> Result<()> {
        let client = self.group.client().ok_or(Error::Closed)?;
        let offset = match position {
            Position::Offset(offset) => offset,
            Position::Earliest => OFFSET_BEGINNING,
            Position::Latest => OFFSET_END,
            Position::TimeMs(time_ms) => client
                .offset_for_time(&self.topic, self.number, time_ms, POSITION_TIMEOUT)?
                .unwrap_or(OFFSET_END),
        };
        client.seek(&self.topic, self.number, offset, POSITION_TIMEOUT)
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

    // ---- settling ----------------------------------------------------------------------------------------------

    /// Ends the lease that is out; `comes_back`: the thread takes the next one itself, nobody has to be woken.
    /// True when the partition was still ours, and so what the lease marked will be committed.
    pub(crate) fn finish_lease(
        self: &Arc<Self>,
        kind: Kind,
        comes_back: bool,
        change: impl FnOnce(&mut State),
    ) -> bool {
        let mut state = self.state.lock();
        state.leased = None;
        change(&mut state);
        // Under the lock: `fence` comes before or after, not between the mark and this answer.
        let alive = self.is_alive();
        if kind == Kind::Shutdown {
            state.finished = true;
        }
        let must_look = state.carry.is_some()
            || state.more
            || state.seek.is_some()
            || state.reached_end
            || state.pause != Pause::No
            || state.revoking
            || self.group.is_stopping()
            || !alive;
        drop(state);
        self.settled.notify_all();
        if must_look && comes_back {
            self.look_again();
        } else if must_look {
            self.mailbox.requeue();
            self.group.ready.push(self.clone());
        } else {
            self.park();
        }
        if kind == Kind::Shutdown {
            self.group.wake_poller();
        }
        alive
    }

    // ---- offsets -----------------------------------------------------------------------------------------------

    pub fn is_alive(&self) -> bool {
        // In a forked child nothing is ours.
        self.alive.load(Ordering::SeqCst) && !self.group.guard.is_foreign()
    }

    /// Marks everything up to and including `offset` as processed. Never moves back. False once the partition is lost.
    pub fn mark(&self, offset: i64) -> bool {
        if !self.is_alive() {
            return false;
        }
        // SeqCst with `fence`: either this mark is seen by the last commit, or the answer is false.
        self.marked.fetch_max(offset.saturating_add(1), Ordering::SeqCst);
        self.is_alive()
    }

    pub fn marked(&self) -> i64 {
        self.marked.load(Ordering::SeqCst)
    }

    /// After an explicit seek the user decides anew what is processed.
    pub(crate) fn forget_marks(&self, state: &mut State) {
        self.marked.store(-1, Ordering::SeqCst);
        state.first_delivered = -1;
        state.commit_sent = -1;
        state.committed = -1;
    }

    /// What the next commit by interval has to ask for: what no broker has confirmed, unless the last commit that asked
    /// for just that may still be answered.
    pub fn take_commit(&self) -> Option<i64> {
        let mut state = self.state.lock();
        let marked = self.marked();
        let pending = marked == state.commit_sent && state.commit_sent_at.elapsed() < COMMIT_ANSWER_TIMEOUT;
        (marked >= 0 && marked != state.committed && !pending).then(|| {
            state.commit_sent = marked;
            state.commit_sent_at = Instant::now();
            marked
        })
    }

    /// What no broker has confirmed yet. A commit that is still under way counts as not done: it may fail.
    pub fn unconfirmed(&self) -> Option<i64> {
        let state = self.state.lock();
        let marked = self.marked();
        (marked >= 0 && marked != state.committed).then_some(marked)
    }

    /// A broker has taken this offset.
    pub fn confirm(&self, offset: i64) {
        let mut state = self.state.lock();
        state.committed = offset;
        state.commit_sent = offset;
    }

    /// The commit did not work: the next one takes this partition again.
    pub fn commit_failed(&self) {
        self.state.lock().commit_sent = -1;
    }

    // ---- revocation --------------------------------------------------------------------------------------------

    /// No new leases from here on.
    pub fn begin_revocation(&self) {
        self.state.lock().revoking = true;
    }

    /// Waits for the lease that is out, until the deadline or until `give_up` says so.
    pub fn await_settled(&self, deadline: Instant, give_up: &dyn Fn() -> bool) {
        let mut state = self.state.lock();
        while state.leased.is_some() && Instant::now() < deadline && !give_up() {
            let next_look = Instant::now() + GIVE_UP_INTERVAL;
            self.settled.wait_until(&mut state, deadline.min(next_look));
        }
    }

    /// From here on marks and acknowledgements answer false. Comes before the last commit: what was answered with
    /// true is in it, what comes later is not taken for committed.
    pub fn fence(&self) {
        let _between_settlements = self.state.lock();
        self.alive.swap(false, Ordering::SeqCst);
    }

    /// The partition is lost: the queue goes back, `revoked` runs on a worker.
    pub fn end(self: &Arc<Self>) {
        self.fence();
        self.close_queue();
        self.state.lock().ended = true;
        self.notify();
    }

    pub fn is_finished(&self) -> bool {
        self.state.lock().finished
    }

    /// Kind and age of the lease that is out.
    pub fn current_lease(&self) -> Option<(Kind, Duration)> {
        self.state.lock().leased.map(|(kind, since)| (kind, since.elapsed()))
    }
}
