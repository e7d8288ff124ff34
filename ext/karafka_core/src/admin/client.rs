//! The client that asks, and the one way of asking: a question goes to librdkafka, its answer comes on a queue.

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::client::{Client as Native, DefaultClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::types::{RDKafkaRespErr, RDKafkaType};

pub use super::call::Call;
pub use super::question::Question;
use crate::base::fork::ForkGuard;
use crate::error::{codes, Error, KafkaError, Result};
use crate::kafka::ffi::{Queue, QueueEvent};
use crate::kafka::meeting::Meeting;
use crate::kafka::troubles::Troubles;
use crate::kafka::{creation, meeting, oauth, settings};

pub use sys::rd_kafka_admin_op_t as Kind;

/// Questions that are under way at once, such as one for each of many groups.
const AT_ONCE: usize = 50;
/// How often a wait looks whether the client was closed.
const LOOK: Duration = Duration::from_millis(50);
/// Our own limit is this much later than librdkafka's, whose error says more.
const LATER: Duration = Duration::from_millis(250);
/// An unanswered question has this client look for another controller this often.
const LOOK_FOR_CONTROLLER: Duration = Duration::from_secs(1);
const TIMED_OUT: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT as i32;

pub struct Client {
    native: ManuallyDrop<Native<DefaultClientContext>>,
    main: ManuallyDrop<Queue>,
    tokens: Option<oauth::Registration>,
    /// Outlives the client, whose threads refer to it.
    troubles: ManuallyDrop<Arc<Troubles>>,
    /// Shared by all clients of one administration.
    closed: Arc<AtomicBool>,
    guard: ForkGuard,
}

/// What a client asks for.
#[derive(Debug, Clone, Copy)]
pub enum Role<'a> {
    Any,
    /// What groups have committed, this one first. librdkafka (2.12.1) crashes where the coordinator of a group has moved and the client
    /// that asks has no group itself (issue 5040). It subscribes to nothing, so it is no member.
    Committed(&'a str),
}

impl Client {
    pub fn new(kafka: &BTreeMap<String, String>, role: Role<'_>, closed: &Arc<AtomicBool>) -> Result<Self> {
        let mut kafka = kafka.clone();
        let kind = match role {
            Role::Any => RDKafkaType::RD_KAFKA_PRODUCER,
            Role::Committed(group) => {
                kafka.insert("group.id".to_owned(), group.to_owned());
                RDKafkaType::RD_KAFKA_CONSUMER
            }
        };
        let kafka = &kafka;
        let mut config = settings::client_config(kafka)?;
        config.set_log_level(RDKafkaLogLevel::Info);
        let native = config
            .create_native_config()
            .map_err(|error| creation::refused(&error, kafka))?;
        // SAFETY: the configuration is ours until the client takes it.
        unsafe { sys::rd_kafka_conf_set_events(native.ptr(), sys::RD_KAFKA_EVENT_ERROR) };
        let troubles = Troubles::new(|| {});
        let client = creation::create(&config, native, kind, kafka, &troubles, Meeting::Quiet)?;
        // SAFETY: a living client; the handle is ours, and never null.
        let main = unsafe { Queue::from_ptr(sys::rd_kafka_queue_get_main(client.native_ptr())) };
        let main = main.ok_or_else(|| Error::Internal("librdkafka's client has no queue".to_owned()))?;
        Ok(Client {
            main: ManuallyDrop::new(main),
            // SAFETY: given back in `drop`, before the client.
            tokens: unsafe { oauth::Registration::of(client.native_ptr(), kafka) },
            native: ManuallyDrop::new(client),
            troubles: ManuallyDrop::new(troubles),
            closed: closed.clone(),
            guard: ForkGuard::new(),
        })
    }

    pub fn ptr(&self) -> *mut sys::rd_kafka_t {
        self.native.native_ptr()
    }

    pub fn is_foreign(&self) -> bool {
        self.guard.is_foreign()
    }

    /// To be called before a question for which librdkafka (2.12.1) looks up leaders. It does so on its first connection too, which
    /// it gives up when an answer there says which brokers exist, and repeats what was lost with that after 3 s. This waits until an
    /// answer has said so, without a question of its own.
    pub fn meet_cluster(&self, call: &Call) -> Result<()> {
        let mut pause = Duration::from_millis(1);
        while !self.knows_cluster(pause.min(call.left())) {
            self.check()?;
            self.hear();
            if call.left().is_zero() {
                return Err(self.timed_out(call));
            }
            pause = (pause * 2).min(LOOK);
        }
        self.check()
    }

    /// Waits that long for an answer. Where one has told no id librdkafka does not wait, which tells that from no answer.
    fn knows_cluster(&self, within: Duration) -> bool {
        let begun = Instant::now();
        self.cluster_id(within).is_some() || begun.elapsed() < within / 2
    }

    /// See `meeting::cluster_id`.
    pub fn cluster_id(&self, within: Duration) -> Option<String> {
        // SAFETY: a living client.
        unsafe { meeting::cluster_id(self.ptr(), within) }
    }

    /// Neither closed nor of another process.
    pub fn check(&self) -> Result<()> {
        if self.is_foreign() {
            return Err(Error::Forked);
        }
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::Closed);
        }
        Ok(())
    }

    /// One question; its answer, which is no error as a whole.
    pub fn ask(&self, call: &Call, kind: Kind, issue: impl FnOnce(&Question<'_>) -> Result<()>) -> Result<QueueEvent> {
        let mut issue = Some(issue);
        let mut answers = self.ask_all(call, kind, 1, |_, question| match issue.take() {
            Some(issue) => issue(question),
            None => Ok(()),
        })?;
        let event = answers.pop().ok_or_else(|| self.timed_out(call))?;
        match event.error() {
            Some(error) => Err(self.failed(call, error)),
            None => Ok(event),
        }
    }

    /// `count` questions, `AT_ONCE` of them under way; their answers in the same order, each of which may be an error.
    pub fn ask_all(
        &self,
        call: &Call,
        kind: Kind,
        count: usize,
        mut issue: impl FnMut(usize, &Question<'_>) -> Result<()>,
    ) -> Result<Vec<QueueEvent>> {
        self.check()?;
        // An answer that comes too late goes with this queue.
        // SAFETY: a living client; the handle is ours.
        let queue = unsafe { Queue::from_ptr(sys::rd_kafka_queue_new(self.ptr())) };
        let queue = queue.ok_or_else(|| Error::Internal("librdkafka made no queue".to_owned()))?;
        let mut answers: Vec<Option<QueueEvent>> = (0..count).map(|_| None).collect();
        let (mut asked, mut answered) = (0, 0);
        while answered < count {
            while asked < count && asked - answered < AT_ONCE {
                let question = Question::new(self, call, kind, asked, &queue);
                issue(asked, &question)?;
                asked += 1;
            }
            let event = self.next(call, &queue)?;
            // SAFETY: a living event; an answer carries the number that its question was given.
            let index = unsafe { sys::rd_kafka_event_opaque(event.as_ptr()) } as usize;
            if let Some(place) = answers.get_mut(index).filter(|place| place.is_none()) {
                *place = Some(event);
                answered += 1;
            }
        }
        let answers: Vec<QueueEvent> = answers.into_iter().flatten().collect();
        // Why it came too late says more than that it did.
        match answers.iter().any(|answer| answer.code() == TIMED_OUT) {
            true => Err(self.timed_out(call)),
            false => Ok(answers),
        }
    }

    fn next(&self, call: &Call, queue: &Queue) -> Result<QueueEvent> {
        let mut looked = Instant::now();
        loop {
            let left = (call.left() + LATER).min(call.within + LATER);
            let over = call.begun.elapsed() >= call.within + LATER;
            let wait = left.min(LOOK).as_millis() as i32;
            if let Some(event) = queue.poll(if over { 0 } else { wait }) {
                return Ok(event);
            }
            self.check()?;
            self.hear();
            if over {
                return Err(self.timed_out(call));
            }
            if looked.elapsed() >= LOOK_FOR_CONTROLLER {
                self.look_for_controller();
                looked = Instant::now();
            }
        }
    }

    /// Most questions go to the controller. librdkafka (2.12.1) waits for the one that it knows, also where that broker is down, and asks
    /// nobody for another one. Metadata says which one it is; an answer that comes after this wait counts, too.
    fn look_for_controller(&self) {
        let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
        let (topic, limit_ms) = (std::ptr::null_mut(), LOOK.as_millis() as i32);
        // SAFETY: a living client; where it succeeds there is an object, given back once.
        unsafe {
            if codes::raw::rd_kafka_metadata(self.ptr(), 0, topic, &mut metadata, limit_ms) == codes::NO_ERROR {
                sys::rd_kafka_metadata_destroy(metadata);
            }
        }
    }

    /// Notes what librdkafka reports of its connections.
    fn hear(&self) {
        while let Some(event) = self.main.poll(0) {
            if let Some(error) = event.error() {
                let _noted = self.troubles.error(error);
            }
        }
    }

    /// As `Call::failed`; of what came too late, with what kept this client from the brokers.
    pub fn failed(&self, call: &Call, error: KafkaError) -> Error {
        match error.number {
            TIMED_OUT => self.timed_out(call),
            _ => call.failed(error),
        }
    }

    /// Code and text of what keeps it from its brokers, or did within this time.
    pub fn trouble(&self, within: Duration) -> Option<(String, String)> {
        self.hear();
        let trouble = self.troubles.during(within)?;
        Some((trouble.code.clone(), trouble.text.clone()))
    }

    pub fn timed_out(&self, call: &Call) -> Error {
        call.failed(self.late(call))
    }

    /// That no answer came, and what kept this client from the brokers.
    pub fn late(&self, call: &Call) -> KafkaError {
        let mut error = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT);
        let limit = call.within.as_millis();
        error.message = match self.trouble(call.within) {
            Some((_, text)) => format!("no answer within {limit} ms: {text}"),
            None => format!("no answer within {limit} ms"),
        };
        error
    }

    /// Asks `done` again and again, with short pauses, until it is true. Where it times out itself it is asked again, too.
    pub fn wait_until(&self, call: &Call, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
        let mut pause = Duration::from_millis(5);
        loop {
            match done() {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(Error::Kafka { source, .. }) if source.number == TIMED_OUT => {}
                Err(error) => return Err(error),
            }
            self.check()?;
            if call.left().is_zero() {
                return Err(self.timed_out(call));
            }
            std::thread::sleep(pause.min(call.left()));
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }
}

impl Drop for Client {
    /// May wait for librdkafka's threads; in a forked child everything is left alone.
    fn drop(&mut self) {
        if self.is_foreign() {
            std::mem::forget(self.tokens.take());
            return;
        }
        self.tokens = None;
        // SAFETY: each is dropped once, here: the queue before its client, what its threads refer to after it.
        unsafe {
            ManuallyDrop::drop(&mut self.main);
            ManuallyDrop::drop(&mut self.native);
            ManuallyDrop::drop(&mut self.troubles);
        }
    }
}
