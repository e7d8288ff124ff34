//! Hands the messages of one call to librdkafka, in order, and waits for room where its queue is full.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::delivery::{Cancel, DeliverySet};
use super::messages::{Messages, ANY_PARTITION};
use super::native::{Native, TopicHandle};
use super::shared::Shared;
use crate::error::{KafkaError, Result};

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
            let left = deadline.map_or(Duration::from_secs(3600), |at| {
                at.saturating_duration_since(Instant::now())
            });
            if left.is_zero() || cancel.is_set() {
                break None;
            }
            waiters = self
                .changed
                .wait_timeout(waiters, left)
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
pub struct Dispatch {
    shared: Arc<Shared>,
    messages: Messages,
    set: Arc<DeliverySet>,
    next: usize,
    /// What the messages that were not taken are reported with.
    refusal: RDKafkaRespErr,
}

impl Dispatch {
    pub(super) fn new(shared: Arc<Shared>, messages: Messages, tag: u64) -> Self {
        let set = DeliverySet::new(&messages, tag, &shared.gate);
        shared.taken(messages.len());
        let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR__INTR;
        Dispatch {
            shared,
            messages,
            set,
            next: 0,
            refusal,
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
        if self.messages.has_partition_keys || !self.shared.is_running() {
            return Ok(Progress::WouldBlock);
        }
        self.advance(None, &Cancel::new())
    }

    /// Waits for room until the deadline (None: for ever). Starts the producer where that has not happened yet.
    pub fn run(&mut self, deadline: Option<Instant>, cancel: &Cancel) -> Result<Progress> {
        self.shared.start()?;
        self.advance(Some(deadline), cancel)
    }

    /// Makes a `run` in another thread look at its `Cancel`.
    pub fn waker(&self) -> impl Fn() + Sync {
        let shared = Arc::clone(&self.shared);
        move || shared.room.made()
    }

    fn advance(&mut self, wait: Option<Option<Instant>>, cancel: &Cancel) -> Result<Progress> {
        let shared = Arc::clone(&self.shared);
        let native = shared.native()?;
        let native: &Native = native.get()?;
        let topics = self
            .messages
            .topics
            .iter()
            .map(|name| native.topic(name))
            .collect::<Result<Vec<_>>>()?;
        if self.messages.has_partition_keys {
            self.choose_partitions(native, &topics)?;
        }
        while let Some(slot) = self.messages.slots.get(self.next) {
            let Some(topic) = topics.get(slot.topic as usize) else {
                break;
            };
            let opaque = self.set.opaque(self.next);
            let send = || native.produce(*topic, &self.messages, slot, slot.partition, opaque);
            let mut code = send();
            if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL {
                let Some(deadline) = wait else {
                    return Ok(Progress::WouldBlock);
                };
                let attempt = || match shared.check_open() {
                    Err(error) => Some(Err(error)),
                    Ok(()) => Some(send())
                        .filter(|code| *code != RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL)
                        .map(Ok),
                };
                match shared.room.retry(deadline, cancel, attempt) {
                    Some(result) => code = result?,
                    None if cancel.is_set() => return Ok(Progress::Cancelled),
                    None => {}
                }
            }
            if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                self.refusal = code;
                let topic = self
                    .messages
                    .topic(self.next)
                    .map(|name| name.to_string_lossy())
                    .unwrap_or_default();
                return Ok(Progress::Refused(native.explain(code).at(&topic, slot.partition)));
            }
            self.next += 1;
        }
        Ok(Progress::Complete)
    }

    fn choose_partitions(&mut self, native: &Native, topics: &[TopicHandle]) -> Result<()> {
        for index in self.next..self.messages.slots.len() {
            let Some(slot) = self.messages.slots.get(index).copied() else {
                break;
            };
            let Some(key) = self.messages.bytes(slot.partition_key) else {
                continue;
            };
            let (Some(topic), Some(name)) = (topics.get(slot.topic as usize), self.messages.topic(index)) else {
                continue;
            };
            if slot.partition == ANY_PARTITION {
                let partition = native.partition_for(*topic, name, key)?;
                if let Some(slot) = self.messages.slots.get_mut(index) {
                    slot.partition = partition;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Dispatch {
    fn drop(&mut self) {
        if self.shared.guard.is_foreign() {
            return;
        }
        self.set.finish_dispatch(self.next, self.refusal);
        if self.next < self.messages.len() {
            self.shared.reported(self.messages.len() - self.next);
            self.shared.room.made();
        }
    }
}

impl std::fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dispatch({} of {})", self.next, self.messages.len())
    }
}
