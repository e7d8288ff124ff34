//! Hands the messages of one call to librdkafka, in order, and waits for room where its queue is full.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::delivery::DeliverySet;
use super::gate::Cancel;
use super::messages::{Messages, ANY_PARTITION};
use super::native::Native;
use super::shared::Shared;
use crate::error::{KafkaError, Result};

/// How long a call waits to hear how many partitions a topic has.
const PARTITIONS_TIMEOUT: Duration = Duration::from_secs(5);

/// Wakes those who wait for room in librdkafka's queue, when reports have made some.
#[derive(Default)]
pub(super) struct Room {
    waiters: Mutex<usize>,
    changed: Condvar,
}

impl Room {
    /// Called after a batch of messages was freed.
    pub fn made(&self) {
        // The lock orders this after the failed attempt of a waiter that has not begun to wait yet.
        if *self.waiters.lock().unwrap_or_else(PoisonError::into_inner) > 0 {
            self.changed.notify_all();
        }
    }

    /// Tries until it gives something, again whenever there is room, until the deadline (then None) or a cancel.
    pub fn retry<T>(
        &self,
        deadline: Option<Instant>,
        cancel: &Cancel,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        *waiters += 1;
        let result = loop {
            // Under the lock, so that no report falls between the attempt and the wait.
            if let Some(result) = attempt() {
                break Some(result);
            }
            if cancel.is_set() || deadline.is_some_and(|at| Instant::now() >= at) {
                break None;
            }
            waiters = self
                .changed
                .wait_timeout(waiters, cancel.patience(deadline))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        };
        *waiters -= 1;
        result
    }
}

/// How far a dispatch came.
#[derive(Debug)]
pub enum Progress {
    /// librdkafka has every message.
    Complete,
    /// The queue is full, or the work may block: call `run` where blocking is allowed.
    WouldBlock,
    /// Cancelled from outside; `run` goes on where it stopped.
    Cancelled,
    /// librdkafka refuses the message at `taken`; neither it nor those after it were taken.
    Refused(KafkaError),
}

/// One produce call on its way. Dropped half-way, the rest is reported as refused.
pub struct Dispatch<'a> {
    shared: &'a Arc<Shared>,
    messages: Messages,
    set: Arc<DeliverySet>,
    next: usize,
    /// What the messages that were not taken are reported with.
    refusal: RDKafkaRespErr,
    finished: bool,
}

impl<'a> Dispatch<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, messages: Messages, tag: u64) -> Self {
        let set = DeliverySet::new(&messages, tag, &shared.gate);
        shared.taken(messages.len());
        let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR__INTR;
        Dispatch {
            shared,
            messages,
            set,
            next: 0,
            refusal,
            finished: false,
        }
    }

    pub fn deliveries(&self) -> &Arc<DeliverySet> {
        &self.set
    }

    /// Messages librdkafka has so far.
    pub fn taken(&self) -> usize {
        self.next
    }

    /// Without blocking: for few messages, where giving up a lock of the caller's would cost more than the work.
    pub fn try_run(&mut self) -> Result<Progress> {
        if self.finished || self.messages.has_partition_keys || !self.shared.is_running() {
            return Ok(Progress::WouldBlock);
        }
        let result = self.advance(None, &Cancel::new());
        self.settle(result)
    }

    /// Waits for room until the deadline (None: for ever). Starts the producer where that has not happened yet.
    pub fn run(&mut self, deadline: Option<Instant>, cancel: &Cancel) -> Result<Progress> {
        let _waits = self.shared.waits();
        let result = self.shared.start().and_then(|()| self.advance(Some(deadline), cancel));
        self.settle(result)
    }

    /// What has come to its end is reported at once: a close waits for it.
    fn settle(&mut self, result: Result<Progress>) -> Result<Progress> {
        if !matches!(result, Ok(Progress::WouldBlock | Progress::Cancelled)) {
            self.finish();
        }
        result
    }

    fn finish(&mut self) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        self.set.finish_dispatch(self.next, self.refusal);
        if self.next < self.messages.len() {
            self.shared.reported(self.messages.len() - self.next);
            self.shared.room.made();
        }
    }

    /// Makes a `run` in another thread look at its `Cancel`.
    pub fn waker(&self) -> impl Fn() + Sync + use<'a> {
        let shared: &'a Arc<Shared> = self.shared;
        move || shared.room.made()
    }

    fn advance(&mut self, wait: Option<Option<Instant>>, cancel: &Cancel) -> Result<Progress> {
        let shared: &'a Arc<Shared> = self.shared;
        loop {
            let generation = match shared.native()? {
                Some(client) => {
                    let native = client.get()?;
                    if let Some(progress) = self.hand_over(native, wait, cancel)? {
                        return Ok(progress);
                    }
                    native.generation()
                }
                None => 0,
            };
            // This client takes nothing any more. What it has not taken waits for the next one.
            if wait.is_none() {
                return Ok(Progress::WouldBlock);
            }
            if !shared.wait_for_client(generation, cancel) {
                return Ok(Progress::Cancelled);
            }
            // Or there is none, as it was idle.
            shared.start()?;
        }
    }

    /// None: the client has failed for good, and another one will come.
    fn hand_over(
        &mut self,
        native: &Native,
        wait: Option<Option<Instant>>,
        cancel: &Cancel,
    ) -> Result<Option<Progress>> {
        let shared: &'a Arc<Shared> = self.shared;
        if self.messages.has_partition_keys {
            if let Some(stopped) = self.choose_partitions(native, cancel)? {
                return Ok(stopped);
            }
        }
        while let Some(slot) = self.messages.slots.get(self.next) {
            let Some(topic) = self.messages.topic(self.next) else {
                break;
            };
            let handle = native.handle(topic)?;
            let opaque = self.set.opaque(self.next);
            let send = || native.produce(handle, &self.messages, slot, slot.partition, opaque);
            let mut code = send();
            if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL {
                let Some(deadline) = wait else {
                    return Ok(Some(Progress::WouldBlock));
                };
                match wait_for_room(shared, deadline, cancel, send) {
                    Some(result) => code = result?,
                    None if cancel.is_set() => return Ok(Some(Progress::Cancelled)),
                    None => {}
                }
            }
            if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                let error = native.explain(code).at(topic.as_str(), slot.partition);
                if error.fatal && !shared.reload.is_final(&error) {
                    return Ok(None);
                }
                self.refusal = code;
                return Ok(Some(Progress::Refused(error)));
            }
            self.next += 1;
        }
        Ok(Some(Progress::Complete))
    }

    /// Some: it stopped before all have theirs; what `hand_over` gives then.
    fn choose_partitions(&mut self, native: &Native, cancel: &Cancel) -> Result<Option<Option<Progress>>> {
        let deadline = Instant::now() + PARTITIONS_TIMEOUT;
        let stop = || cancel.is_set() || !self.shared.is_running();
        for index in self.next..self.messages.len() {
            let Some(slot) = self.messages.slots.get(index) else {
                break;
            };
            let (Some(key), Some(topic)) = (self.messages.bytes(slot.partition_key), self.messages.topic(index)) else {
                continue;
            };
            if slot.partition == ANY_PARTITION {
                let Some(count) = self.shared.partition_count(topic.name(), deadline, stop)? else {
                    self.shared.check_open()?;
                    return Ok(Some(cancel.is_set().then_some(Progress::Cancelled)));
                };
                let partition = native.partition_for(topic, key, count)?;
                if let Some(slot) = self.messages.slots.get_mut(index) {
                    slot.partition = partition;
                }
            }
        }
        Ok(None)
    }
}

/// Sends again whenever there may be room. None: the deadline has passed, or it was cancelled.
fn wait_for_room(
    shared: &Shared,
    deadline: Option<Instant>,
    cancel: &Cancel,
    send: impl Fn() -> RDKafkaRespErr,
) -> Option<Result<RDKafkaRespErr>> {
    let now = Instant::now();
    if deadline.is_none_or(|at| at > now) {
        shared.events.push_queue_full(now);
    }
    shared.room.retry(deadline, cancel, || {
        if let Err(error) = shared.check_open() {
            return Some(Err(error));
        }
        Some(send())
            .filter(|code| *code != RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL)
            .map(Ok)
    })
}

impl Drop for Dispatch<'_> {
    fn drop(&mut self) {
        if !self.shared.guard.is_foreign() {
            self.finish();
            let messages = std::mem::replace(&mut self.messages, Messages::new(0, 0));
            self.shared.give_back(messages);
        }
    }
}

impl std::fmt::Debug for Dispatch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dispatch({} of {})", self.next, self.messages.len())
    }
}
