//! Hands the messages of one call to librdkafka, in order, and waits for room where its queue is full.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::client::{ProducerClient, TopicHandle};
use super::delivery::DeliverySet;
use super::messages::{Messages, ANY_PARTITION};
use super::producer_core::ProducerCore;
use crate::base::cancel::Cancel;
use crate::base::sync::{Condvar, Mutex};
use crate::error::codes;
use crate::error::{Error, KafkaError, Result};

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
        if *self.waiters.lock() > 0 {
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
        let mut waiters = self.waiters.lock();
        *waiters += 1;
        let result = loop {
            // Under the lock, so that no report falls between the attempt and the wait.
            if let Some(result) = attempt() {
                break Some(result);
            }
            if cancel.is_set() || deadline.is_some_and(|at| Instant::now() >= at) {
                break None;
            }
            self.changed.wait_until(&mut waiters, cancel.until(deadline));
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
    shared: &'a Arc<ProducerCore>,
    messages: Messages,
    set: Arc<DeliverySet>,
    next: usize,
    /// What the messages that were not taken are reported with.
    refusal: i32,
    finished: bool,
    /// Until when this call waits to hear of partitions, however often it is cancelled meanwhile.
    counted_until: Option<Instant>,
}

impl<'a> Dispatch<'a> {
    pub(super) fn new(shared: &'a Arc<ProducerCore>, messages: Messages, tag: u64) -> Self {
        let set = DeliverySet::new(&messages, tag, &shared.waiters);
        shared.taken(messages.len());
        let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR__INTR as i32;
        Dispatch {
            shared,
            messages,
            set,
            next: 0,
            refusal,
            finished: false,
            counted_until: None,
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

    /// Waits for room until the deadline (None: forever). Starts the producer where that has not happened yet.
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
        let shared: &'a Arc<ProducerCore> = self.shared;
        move || shared.room.made()
    }

    fn advance(&mut self, wait: Option<Option<Instant>>, cancel: &Cancel) -> Result<Progress> {
        let shared: &'a Arc<ProducerCore> = self.shared;
        loop {
            let generation = match shared.client()? {
                Some(borrowed) => {
                    let client = borrowed.get()?;
                    if let Some(progress) = self.hand_over(client, wait, cancel)? {
                        return Ok(progress);
                    }
                    client.generation()
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
        client: &ProducerClient,
        wait: Option<Option<Instant>>,
        cancel: &Cancel,
    ) -> Result<Option<Progress>> {
        let shared: &'a Arc<ProducerCore> = self.shared;
        while let Some(slot) = self.messages.slots.get(self.next) {
            let Some(topic) = self.messages.topic(self.next) else {
                break;
            };
            let partition = if self.messages.has_partition_keys {
                let until = *self
                    .counted_until
                    .get_or_insert_with(|| Instant::now() + PARTITIONS_TIMEOUT);
                match self.choose(client, self.next, until, cancel)? {
                    Choice::Partition(partition) => partition,
                    Choice::Stopped(cancelled) => return Ok(cancelled.then_some(Progress::Cancelled)),
                    Choice::Refused(error) => {
                        self.refusal = error.number;
                        return Ok(Some(Progress::Refused(error)));
                    }
                }
            } else {
                slot.partition
            };
            let handle = client.handle(topic)?;
            let opaque = self.set.opaque(self.next);
            let send = || {
                if shared.resends.holds_back(handle) {
                    return codes::QUEUE_FULL;
                }
                client.produce(handle, &self.messages, slot, partition, opaque)
            };
            let mut code = send();
            if code == codes::QUEUE_FULL {
                let Some(deadline) = wait else {
                    return Ok(Some(Progress::WouldBlock));
                };
                match wait_for_room(shared, handle, deadline, cancel, send) {
                    Some(result) => code = result?,
                    None if cancel.is_set() => return Ok(Some(Progress::Cancelled)),
                    // Messages that are sent again hold it back no longer.
                    None => code = client.produce(handle, &self.messages, slot, partition, opaque),
                }
            }
            if code != codes::NO_ERROR {
                let error = client.explain(code).at(topic.as_str(), partition);
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

    /// Where the partition key of message `index` belongs. A topic that does not exist has no partitions yet: then the choice
    /// is librdkafka's.
    fn choose(&self, client: &ProducerClient, index: usize, deadline: Instant, cancel: &Cancel) -> Result<Choice> {
        let chosen = self
            .messages
            .slots
            .get(index)
            .map_or(ANY_PARTITION, |slot| slot.partition);
        let key = self
            .messages
            .slots
            .get(index)
            .and_then(|slot| self.messages.bytes(slot.partition_key));
        let (Some(key), Some(topic), ANY_PARTITION) = (key, self.messages.topic(index), chosen) else {
            return Ok(Choice::Partition(chosen));
        };
        let stop = || cancel.is_set() || !self.shared.is_running();
        match self.shared.partition_count(topic.name(), deadline, stop) {
            Ok(Some(count)) => Ok(Choice::Partition(client.partition_for(topic, key, count)?)),
            Ok(None) => {
                self.shared.check_open()?;
                Ok(Choice::Stopped(cancel.is_set()))
            }
            Err(Error::Kafka { source, .. }) if NO_TOPIC.contains(&source.number) => {
                Ok(Choice::Partition(ANY_PARTITION))
            }
            Err(Error::Kafka { source, .. }) => Ok(Choice::Refused(*source)),
            Err(error) => Err(error),
        }
    }
}

/// Where a message goes.
enum Choice {
    Partition(i32),
    Refused(KafkaError),
    /// Cancelled (true), or the client is gone.
    Stopped(bool),
}

const NO_TOPIC: [i32; 2] = [
    RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC as i32,
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART as i32,
];

/// Sends again whenever there may be room. None: the deadline has passed, or it was cancelled.
fn wait_for_room(
    shared: &ProducerCore,
    topic: TopicHandle,
    deadline: Option<Instant>,
    cancel: &Cancel,
    send: impl Fn() -> i32,
) -> Option<Result<i32>> {
    let now = Instant::now();
    if deadline.is_none_or(|at| at > now) && !shared.resends.holds_back(topic) {
        shared.events.push_queue_full(now);
    }
    shared.room.retry(deadline, cancel, || {
        if let Err(error) = shared.check_open() {
            return Some(Err(error));
        }
        Some(send()).filter(|code| *code != codes::QUEUE_FULL).map(Ok)
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
