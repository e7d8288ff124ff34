//! The producer: messages cross in one call and are handed to librdkafka in order; reports come back in batches on
//! one thread. Nothing starts before the first message.

mod ask;
mod backpressure;
mod client;
mod delivery;
mod dispatch;
mod dormant;
mod events;
mod idle;
mod injected;
mod messages;
pub mod observing;
mod partitions;
mod producer_core;
mod purge;
mod refused;
mod reload;
mod reports;
mod resend;
mod sends;
mod single;
mod tally;
mod transaction;
mod waiters;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use client::{AutoCreate, FatalError};
pub use delivery::{DeliverySet, Hearing, Report, Ticket, Waited};
pub use dispatch::{Dispatch, Progress};
pub use dormant::EventSource;
pub use events::Event;
pub use messages::{Draft, Invalid, Messages, Topic, ANY_PARTITION};
pub use partitions::partition_of_key;
pub use purge::Purge;
pub use reload::ReloadPolicy;
pub use transaction::{Attempts, Command, Failure, FailureKind};

use crate::base::cancel::Cancel;
use crate::config::ProducerConfig;
use crate::error::{Error, Result};
use crate::kafka::settings;
pub use crate::kafka::troubles::Trouble;
use producer_core::ProducerCore;
use transaction::Transactions;

/// A producer that nobody closed gets this long for what it still has, in the background.
const FORGOTTEN_CLOSE: Duration = Duration::from_secs(30);
/// What a close may take on top of its timeout: reports of what it gives up, and the end of librdkafka's threads.
const CLOSE_GRACE: Duration = Duration::from_secs(5);
/// Long enough for librdkafka's threads to wake up and send what waits; longer would hold up who waits for a
/// message that is answered while others keep coming.
const HURRY: Duration = Duration::from_millis(1);
/// A flush looks this often whether it was cancelled.
const FLUSH_SLICE: Duration = Duration::from_millis(50);

/// Names of topics that do not exist, and whether brokers create them.
pub type MissingTopics = (Vec<String>, AutoCreate);

/// Sends messages. ProducerCore by threads; belongs to the process that made it.
pub struct Producer {
    // Never dropped in a forked child: its locks may be held by threads that don't exist there.
    shared: ManuallyDrop<Arc<ProducerCore>>,
    transactions: ManuallyDrop<Transactions>,
    /// Nobody set a linger: messages that are waited for are sent at once.
    hurry: bool,
    singles: single::Singles,
}

impl Producer {
    /// Checks each setting with librdkafka. Starts nothing.
    pub fn new(kafka: BTreeMap<String, String>) -> Result<Self> {
        Self::with_reload(kafka, ReloadPolicy::never())
    }

    /// With all settings of the host's.
    pub fn configured(config: ProducerConfig) -> Result<Self> {
        let reload = config.reload.map_or_else(ReloadPolicy::never, ReloadPolicy::from);
        let producer = Self::with_reload(config.kafka, reload)?;
        if let Some(idle_ms) = config.idle_ms {
            producer.set_idle_timeout(Duration::from_millis(idle_ms));
        }
        if !config.resend {
            producer.fail_whole_batches();
        }
        Ok(producer)
    }

    /// As `new`, and replaces a client that has failed for good.
    pub fn with_reload(kafka: BTreeMap<String, String>, reload: ReloadPolicy) -> Result<Self> {
        if kafka
            .get("delivery.report.only.error")
            .is_some_and(|value| value == "true")
        {
            return Err(Error::Config {
                setting: "delivery.report.only.error".to_owned(),
                value: "true".to_owned(),
                reason: "is not supported: a handle without a report would wait forever; leave it out".to_owned(),
            });
        }
        // A linger that somebody sets is wanted; librdkafka's own 5 ms are skipped where somebody waits.
        let hurry = !["linger.ms", "queue.buffering.max.ms"]
            .iter()
            .any(|key| kafka.contains_key(*key));
        let config = settings::client_config(&kafka)?;
        Ok(Producer {
            transactions: ManuallyDrop::new(Transactions::new(&kafka)),
            shared: ManuallyDrop::new(Arc::new(ProducerCore::new(config, kafka, reload))),
            hurry,
            singles: single::Singles::default(),
        })
    }

    /// Where the broker refuses a batch because of some of its messages, the others fail with them.
    pub fn fail_whole_batches(&self) {
        self.shared.resends.turn_off();
    }

    /// `Event::Reloading` of that attempt was passed on, and these are the settings from now on. An error: they are refused, and
    /// the next client has those of the last one.
    pub fn heard_of_reload(&self, attempt: u32, kafka: BTreeMap<String, String>) -> Result<()> {
        if self.is_foreign() {
            return Err(Error::Forked);
        }
        let config = settings::client_config(&kafka).map(|config| self.shared.configure(config, kafka));
        self.shared.reload.heard(attempt);
        config
    }

    /// True in a process forked after this producer was made: it can only be forgotten there.
    pub fn is_foreign(&self) -> bool {
        self.shared.guard.is_foreign()
    }

    /// Empty messages to fill; their memory is used again.
    pub fn messages(&self, max_payload_size: usize, expected: usize) -> Result<Messages> {
        self.shared.check_open()?;
        Ok(self.shared.messages(max_payload_size, expected))
    }

    /// Takes the messages over; nothing is sent before the dispatch runs. `tag` as in `DeliverySet::tag`.
    pub fn dispatch(&self, messages: Messages, tag: u64) -> Result<Dispatch<'_>> {
        self.shared.check_open()?;
        Ok(Dispatch::new(&self.shared, messages, tag))
    }

    /// Waits for the report of message `index`, or of all. Unless a linger was set, messages do not linger meanwhile:
    /// a linger of 0 for all would make one request a message where they come one by one, at several times the cost.
    pub fn wait(
        &self,
        set: &Arc<DeliverySet>,
        index: Option<usize>,
        deadline: Option<Instant>,
        cancel: &Cancel,
    ) -> Result<Waited> {
        let reported = || index.map_or_else(|| set.is_done(), |index| set.is_reported(index));
        if self.hurry && !reported() && !self.shared.guard.is_foreign() {
            if let Some(client) = self.shared.borrow_client() {
                client.get()?.flush(HURRY);
            }
        }
        let _waits = self.shared.waits();
        match index {
            Some(index) => set.wait_for(index, deadline, cancel),
            None => set.wait(deadline, cancel),
        }
    }

    /// As `wait`, and where the reports are passed on as events also until the subscribers were called. Where these get no further
    /// for a second, or the producer is gone, it goes on without them. Not on the thread that calls them.
    pub fn wait_until_heard(
        &self,
        set: &Arc<DeliverySet>,
        index: Option<usize>,
        deadline: Option<Instant>,
        hearing: &mut Hearing,
        cancel: &Cancel,
    ) -> Result<Waited> {
        match self.wait(set, index, deadline, cancel)? {
            Waited::Done if !self.shared.events.is_reader() => set.wait_until_heard(index, hearing, deadline, cancel),
            waited => Ok(waited),
        }
    }

    /// Waits until nothing is queued or under way; false: it still is.
    pub fn flush(&self, timeout: Duration, cancel: &Cancel) -> Result<bool> {
        if self.shared.guard.is_foreign() {
            return Err(Error::Forked);
        }
        let _waits = self.shared.waits();
        Ok(self.flush_until(Instant::now() + timeout, cancel))
    }

    fn flush_until(&self, deadline: Instant, cancel: &Cancel) -> bool {
        loop {
            if self.shared.in_flight() == 0 {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || cancel.is_set() {
                return false;
            }
            // Borrowed for a slice at a time, so that an ending client is never held up for longer.
            let flushed = match self.shared.borrow_client() {
                Some(borrowed) => borrowed.get().is_ok_and(|client| client.flush(left.min(FLUSH_SLICE))),
                None if self.shared.is_reloading() => true,
                None => return false,
            };
            if flushed {
                // librdkafka has nothing left; the report thread is about to count the last ones.
                let slice = Instant::now() + left.min(FLUSH_SLICE);
                self.shared
                    .room
                    .retry(Some(slice), cancel, || (self.shared.in_flight() == 0).then_some(()));
            }
        }
    }

    /// Those of the topics that do not exist, and whether the brokers would create them. Creates none.
    /// None: no answer within `timeout`, for which the client cannot end.
    pub fn missing_topics(&self, wanted: &[String], timeout: Duration) -> Result<Option<MissingTopics>> {
        self.shared.start()?;
        let Some(borrowed) = self.shared.client()? else {
            return Ok(None);
        };
        let client = borrowed.get()?;
        let Ok((broker, there)) = client.all_topics(timeout) else {
            return Ok(None);
        };
        let missing: Vec<_> = wanted.iter().filter(|name| !there.contains(name)).cloned().collect();
        let creates = match missing.is_empty() {
            true => AutoCreate::Unsaid,
            false => client.auto_create(broker, timeout),
        };
        Ok(Some((missing, creates)))
    }

    /// What keeps it from its brokers, or did within that time.
    pub fn trouble(&self, waited: Duration) -> Option<Arc<Trouble>> {
        if self.shared.guard.is_foreign() {
            return None;
        }
        self.shared.troubles.during(waited)
    }

    /// Messages that were taken and have no report yet.
    pub fn queue_size(&self) -> usize {
        self.shared.in_flight()
    }

    /// Partitions of a topic, from a cache of 30 seconds or a broker. None: cancelled.
    pub fn partition_count(&self, topic: &str, timeout: Duration, cancel: &Cancel) -> Result<Option<i32>> {
        self.shared.start()?;
        let topic = CString::new(topic).map_err(|_| Error::Internal("a topic name with a NUL byte".to_owned()))?;
        let stop = || cancel.is_set();
        self.shared.partition_count(&topic, Instant::now() + timeout, stop)
    }

    /// Tells the host's log, with the other events of this producer. level: syslog's number.
    pub fn log(&self, level: i32, message: String) {
        let target = "waterdrop".to_owned();
        self.shared.events.push(Event::Log { level, target, message });
    }

    /// Sends what it has for up to `timeout`, gives the rest up (its handles report that) and ends the client. Gives
    /// how many messages were not delivered. Takes no longer than the timeout and a few seconds.
    pub fn close(&self, timeout: Duration) -> Result<usize> {
        let deadline = self.begin_close(timeout)?;
        let never = Cancel::new();
        self.finish_close(deadline, &never)
            .map(|undelivered| undelivered.unwrap_or_default())
    }

    /// Takes no more messages from now on; gives until when the rest may be sent.
    pub fn begin_close(&self, timeout: Duration) -> Result<Instant> {
        if self.shared.guard.is_foreign() {
            return Err(Error::Forked);
        }
        self.transactions.close();
        self.shared.begin_close(timeout);
        Ok(Instant::now() + timeout)
    }

    /// Waits for the end of a close that has begun. None: cancelled; the close itself goes on.
    pub fn finish_close(&self, deadline: Instant, cancel: &Cancel) -> Result<Option<usize>> {
        let _waits = self.shared.waits();
        // Only a flush keeps messages from lingering.
        self.flush_until(deadline, cancel);
        let last = deadline + CLOSE_GRACE;
        while !self.shared.wait_for_end(FLUSH_SLICE) {
            if cancel.is_set() {
                return Ok(None);
            }
            if Instant::now() > last {
                let timeout_ms = CLOSE_GRACE.as_millis() as u64;
                return Err(Error::TimedOut {
                    operation: "ending the producer after its close",
                    timeout_ms,
                });
            }
        }
        Ok(Some(self.shared.undelivered()))
    }
}

impl Drop for Producer {
    /// Hands the client over to the report thread, which sends what is left and ends it.
    fn drop(&mut self) {
        if self.shared.guard.is_foreign() {
            std::mem::forget(std::mem::take(&mut self.singles));
            return;
        }
        self.close_singles();
        self.transactions.close();
        self.shared.begin_close(FORGOTTEN_CLOSE);
        // SAFETY: dropped once, here. The client itself is dropped by the report thread.
        unsafe {
            ManuallyDrop::drop(&mut self.transactions);
            ManuallyDrop::drop(&mut self.shared);
        }
    }
}
