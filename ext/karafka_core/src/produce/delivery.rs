//! What became of the messages of one produce call. One allocation for all of them: the address of a message's
//! token is the opaque that librdkafka carries along, so a report finds its place without a look-up.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use rdkafka::types::RDKafkaRespErr;

mod announcing;
mod count;
mod ticket;
mod topics;
mod waiting;

pub use announcing::Hearing;
use count::count_down;
pub(super) use count::{place, report, NativeReport};
pub(super) use ticket::Open;
pub use ticket::Ticket;
use topics::Topics;

use super::messages::{Messages, Topic};
use super::refused::DIFFERENT_RECORD;
use super::sends::Sends;
use super::waiters::Waiters;
use crate::base::fork::ForkGuard;
use crate::base::sync::{Condvar, Mutex};
use crate::error::codes;
use crate::error::KafkaError;
use crate::kafka::troubles::Trouble;

/// No report yet. Not a code of librdkafka's or Kafka's.
const PENDING: i32 = i32::MIN;

/// Why a wait returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// Every message has its report.
    Done,
    TimedOut,
    Cancelled,
    /// The producer is gone; the missing reports will never come.
    Over,
}

/// Where one message ended up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub partition: i32,
    pub offset: i64,
    /// From the produce call to the broker's answer.
    pub latency_us: u32,
    pub error: Option<KafkaError>,
    /// What kept the client from its brokers meanwhile, where it failed without an answer.
    pub cause: Option<Arc<Trouble>>,
}

/// 32 bytes; written once by the report thread, read by anyone.
#[derive(Debug)]
pub(super) struct Token {
    set: *const DeliverySet,
    offset: AtomicI64,
    partition: AtomicI32,
    /// Written last: whoever sees it sees the rest.
    code: AtomicI32,
    latency_us: AtomicU32,
    /// Its report was passed on as an event, and the subscribers have not heard of it yet.
    unannounced: AtomicBool,
}

impl Token {
    fn new() -> Self {
        Token {
            set: std::ptr::null(),
            offset: AtomicI64::new(-1),
            partition: AtomicI32::new(-1),
            code: AtomicI32::new(PENDING),
            latency_us: AtomicU32::new(0),
            unannounced: AtomicBool::new(false),
        }
    }
}

/// The deliveries of one produce call.
#[derive(Debug)]
pub struct DeliverySet {
    /// A single message needs no second allocation.
    one: Token,
    more: Box<[Token]>,
    len: usize,
    /// Messages without a report, and one for the dispatch while it runs. At zero the reference that librdkafka's
    /// tokens stand for is given back.
    remaining: AtomicUsize,
    /// Not zero: each report is passed on as an event, under this number.
    tag: AtomicU64,
    /// How many of its tokens are unannounced.
    unannounced: AtomicUsize,
    /// How many wait. A mutex rather than an atomic, so that no wake-up falls between a look and a wait.
    waiting: Mutex<usize>,
    /// How many of them wait for one message rather than for all.
    single_waiters: AtomicUsize,
    changed: Condvar,
    topics: Topics,
    /// The broker's own words for a failure, where it had any.
    details: Mutex<Vec<(u32, String)>>,
    /// What kept the client from its brokers while messages of the call failed.
    cause: Mutex<Option<Arc<Trouble>>>,
    waiters: Arc<Waiters>,
    guard: ForkGuard,
    /// What is traced of them.
    sends: Option<Box<Sends>>,
}

// SAFETY: the raw pointers in the tokens point to the set itself, which never moves (it lives in an Arc) and is
// otherwise made of atomics and locks.
unsafe impl Send for DeliverySet {}
// SAFETY: as above.
unsafe impl Sync for DeliverySet {}

impl DeliverySet {
    /// The first reference belongs to the caller, a second one to the tokens (taken back by the last report).
    pub(super) fn new(messages: &Messages, tag: u64, waiters: &Arc<Waiters>) -> Arc<Self> {
        // The dispatch itself counts, too, while it runs.
        let (len, sends) = (messages.len(), Sends::begin(&messages.sent));
        Self::with_tokens((len, len + 1), Topics::of(messages), sends, tag, waiters)
    }

    fn with_tokens(
        (len, remaining): (usize, usize),
        topics: Topics,
        sends: Option<Box<Sends>>,
        tag: u64,
        waiters: &Arc<Waiters>,
    ) -> Arc<Self> {
        let several = |count: usize| if count == 1 { 0 } else { count };
        let mut set = Arc::new(DeliverySet {
            one: Token::new(),
            more: (0..several(len)).map(|_| Token::new()).collect(),
            len,
            remaining: AtomicUsize::new(remaining),
            tag: AtomicU64::new(tag),
            unannounced: AtomicUsize::new(0),
            waiting: Mutex::new(0),
            single_waiters: AtomicUsize::new(0),
            changed: Condvar::new(),
            topics,
            details: Mutex::new(Vec::new()),
            cause: Mutex::new(None),
            waiters: Arc::clone(waiters),
            guard: ForkGuard::new(),
            sends,
        });
        let address = Arc::as_ptr(&set);
        if let Some(set) = Arc::get_mut(&mut set) {
            set.one.set = address;
            set.more.iter_mut().for_each(|token| token.set = address);
        }
        std::mem::forget(Arc::clone(&set));
        set
    }

    fn tokens(&self) -> &[Token] {
        if self.len == 1 {
            std::slice::from_ref(&self.one)
        } else {
            &self.more
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number under which reports are passed on as events; 0: they are not.
    pub fn tag(&self) -> u64 {
        self.tag.load(Ordering::SeqCst)
    }

    /// Asks for events from now on. A report that came before is not repeated: look at `report` afterwards.
    pub fn set_tag(&self, tag: u64) {
        self.tag.store(tag, Ordering::SeqCst);
    }

    pub fn topic(&self, index: usize) -> Option<&str> {
        self.topics.get(index).map(Topic::as_str)
    }

    /// Whether both messages went to a topic of the same name, as far as can be seen at once.
    pub fn shares_topic(&self, index: usize, other: &Self, other_index: usize) -> bool {
        let (one, two) = (self.topics.get(index), other.topics.get(other_index));
        one.zip(two).is_some_and(|(one, two)| std::ptr::eq(one, two))
    }

    /// True when every message has its report.
    pub fn is_done(&self) -> bool {
        self.remaining.load(Ordering::SeqCst) == 0
    }

    /// What became of message `index`; None: no report yet.
    pub fn report(&self, index: usize) -> Option<Report> {
        let token = self.tokens().get(index)?;
        let code = token.code.load(Ordering::SeqCst);
        let (code, offset) = match code {
            PENDING if self.waiters.is_over() => (RDKafkaRespErr::RD_KAFKA_RESP_ERR__DESTROY as i32, -1),
            PENDING => return None,
            code => (code, token.offset.load(Ordering::Relaxed)),
        };
        let partition = token.partition.load(Ordering::Relaxed);
        let error = (code != codes::NO_ERROR).then(|| {
            let mut error = KafkaError::from_number(code).at(self.topic(index).unwrap_or_default(), partition);
            let details = self.details.lock();
            if let Some((_, text)) = details.iter().find(|(at, _)| *at as usize == index) {
                error = error.with_message(text);
            }
            error
        });
        let unanswered = error.as_ref().is_some_and(|error| error.number < 0 && !error.fatal);
        Some(Report {
            partition,
            offset,
            latency_us: token.latency_us.load(Ordering::Relaxed),
            error,
            cause: unanswered.then(|| self.cause()).flatten(),
        })
    }

    fn cause(&self) -> Option<Arc<Trouble>> {
        self.cause.lock().clone()
    }

    /// The first message that was not delivered; only where there is none, one that failed because of others in its batch,
    /// or has no report yet.
    pub fn first_failure(&self) -> Option<usize> {
        let mut other = None;
        for (index, token) in self.tokens().iter().enumerate() {
            match token.code.load(Ordering::SeqCst) {
                codes::NO_ERROR => {}
                PENDING | DIFFERENT_RECORD => other = other.or(Some(index)),
                _ => return Some(index),
            }
        }
        other
    }

    /// Messages besides that one which failed, and not because of others in their batch.
    pub fn more_failures(&self, first: usize) -> Vec<usize> {
        let failed = |token: &Token| {
            !matches!(
                token.code.load(Ordering::SeqCst),
                codes::NO_ERROR | PENDING | DIFFERENT_RECORD
            )
        };
        let all = self.tokens().iter().enumerate();
        all.filter(|(index, token)| *index != first && failed(token))
            .map(|(index, _)| index)
            .collect()
    }

    /// Before anybody can see the report: whoever waits for it finds its span recorded.
    fn trace_end(&self, index: usize, report: &NativeReport) {
        if let Some(sends) = &self.sends {
            sends.end(index, self.topic(index), report);
        }
    }

    /// The opaque for message `index`.
    pub(super) fn opaque(&self, index: usize) -> *mut c_void {
        self.tokens().get(index).map_or(std::ptr::null_mut(), |token| {
            std::ptr::from_ref(token).cast_mut().cast()
        })
    }

    /// Reports messages `from..` as refused with `code`, and ends the dispatch.
    pub(super) fn finish_dispatch(self: &Arc<Self>, from: usize, code: i32) {
        let unsent = self.tokens().get(from..).unwrap_or_default();
        for (token, index) in unsent.iter().zip(from..) {
            self.trace_end(index, &NativeReport::unsent(code));
            token.code.store(code, Ordering::SeqCst);
        }
        // SAFETY: these reports and the dispatch's own count are written down once, here.
        unsafe { count_down(Arc::as_ptr(self), unsent.len() + 1) };
    }
}
