//! Transactions of a producer. librdkafka's calls block, and `send_offsets_to_transaction` was seen to block far beyond
//! its own timeout after a broker was killed. So they run on a thread of ours, and a caller never waits longer
//! than its bound: then the client is to be given up (`Producer::abandon`) and a new one made, which ends what the old
//! one had begun.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::delivery::DeliverySet;
use super::Producer;
use crate::base::cancel::Cancel;
use crate::base::fork::ForkGuard;
use crate::base::sync::{Condvar, Mutex};
use crate::consume::transaction_offsets::GroupOffsets;
use crate::error::{Error, KafkaError, Result};

mod open;
mod thread;

use open::Open;

/// What a call may take on top of its timeout before its client counts as stuck.
const GRACE: Duration = Duration::from_secs(1);
/// Kafka's default of `transaction.timeout.ms`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// One step of a transaction.
pub enum Command {
    /// Makes the client ready: ends what an earlier one with the same transactional id has left open, and fences it.
    Init,
    /// With `Init`, where that has not been done.
    Begin,
    SendOffsets(GroupOffsets),
    Commit,
    Abort,
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Command::Init => "preparing transactions",
            Command::Begin => "beginning a transaction",
            Command::SendOffsets(_) => "sending offsets to the transaction",
            Command::Commit => "committing the transaction",
            Command::Abort => "aborting the transaction",
        }
    }
}

/// What a failure leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The transaction can only be aborted; the client is fine.
    Abortable,
    /// The client is beyond use: a new one may work.
    Fatal,
    /// Another producer with the same transactional id has taken over: a new client would only fence that one in turn.
    Fenced,
    /// The broker has fenced the client because the transaction took longer than `transaction.timeout.ms`.
    TimedOut,
    /// The bound has passed. The call may be inside librdkafka forever.
    Stuck,
}

impl FailureKind {
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Abortable => "abortable",
            FailureKind::Fatal => "fatal",
            FailureKind::Fenced => "fenced",
            FailureKind::TimedOut => "timed_out",
            FailureKind::Stuck => "stuck",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Failure {
    pub kind: FailureKind,
    pub error: KafkaError,
}

/// How the steps that may be tried again are.
#[derive(Debug, Clone, Copy)]
pub struct Attempts {
    pub backoff: Duration,
    pub most: u32,
    /// How long an abort waits for the reports of messages under way.
    pub reports: Duration,
}

#[derive(Default)]
struct State {
    asked: Option<(Command, Attempts)>,
    /// While a command is asked for or runs: its name and its bound.
    running: Option<(&'static str, Instant)>,
    answer: Option<std::result::Result<(), Failure>>,
    /// From a begin to the commit or abort.
    open: Option<Open>,
    thread: bool,
    closed: bool,
}

/// Where callers and the thread `krs.tx` meet: one command at a time.
#[derive(Default)]
struct CommandSlot {
    state: Mutex<State>,
    changed: Condvar,
    /// `transaction.timeout.ms`
    timeout: Duration,
}

pub(super) struct Transactions {
    slot: Arc<CommandSlot>,
    guard: ForkGuard,
}

impl Transactions {
    pub fn new(kafka: &BTreeMap<String, String>) -> Self {
        let timeout = kafka.get("transaction.timeout.ms").and_then(|value| value.parse().ok());
        let slot = CommandSlot {
            timeout: timeout.map_or(DEFAULT_TIMEOUT, Duration::from_millis),
            ..CommandSlot::default()
        };
        Transactions {
            slot: Arc::new(slot),
            guard: ForkGuard::new(),
        }
    }

    /// The thread ends when it has nothing to do; what it is inside of ends by itself.
    pub fn close(&self) {
        if !self.guard.is_foreign() {
            self.slot.state.lock().closed = true;
            self.slot.changed.notify_all();
        }
    }
}

impl Producer {
    /// Hands a step to the transaction thread, which is started at the first one. One step at a time: take its answer
    /// with `transaction_answer` before the next.
    pub fn transact(&self, command: Command, timeout: Duration, attempts: Attempts) -> Result<()> {
        // Also refuses in a forked child, before any lock is touched.
        self.shared.start()?;
        let slot = &self.transactions.slot;
        let mut state = slot.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        if state.running.is_some() {
            return Err(Error::Internal(
                "another call of this transaction is still in progress".to_owned(),
            ));
        }
        if !state.thread {
            let (slot, shared) = (Arc::clone(slot), Arc::clone(&self.shared));
            std::thread::Builder::new()
                .name("krs.tx".to_owned())
                .spawn(move || thread::serve(&slot, &shared))
                .map_err(|error| {
                    Error::Internal(format!("the thread for transactions could not be started: {error}"))
                })?;
            state.thread = true;
        }
        if matches!(command, Command::Begin) {
            self.take_culprits();
        }
        state.answer = None;
        if matches!(command, Command::Begin) {
            state.open = Some(Open::new(Instant::now()));
        }
        state.running = Some((command.name(), Instant::now() + timeout));
        state.asked = Some((command, attempts));
        drop(state);
        slot.changed.notify_all();
        Ok(())
    }

    /// Waits for the answer to the step under way. None: not within this time, or cancelled; ask again.
    pub fn transaction_answer(
        &self,
        until: Instant,
        cancel: &Cancel,
    ) -> Result<Option<std::result::Result<(), Failure>>> {
        if self.is_foreign() {
            return Err(Error::Forked);
        }
        let slot = &self.transactions.slot;
        let mut state = slot.state.lock();
        loop {
            if let Some(answer) = state.answer.take() {
                state.running = None;
                return Ok(Some(answer));
            }
            let Some((name, deadline)) = state.running else {
                return Err(Error::Internal("no call of a transaction is in progress".to_owned()));
            };
            if state.closed {
                return Err(Error::Closed);
            }
            let bound = deadline + GRACE;
            // The thread is inside of the step, so this one looks.
            state.look();
            if Instant::now() >= bound {
                // `running` stays: nothing more may be asked of this client.
                return Ok(Some(Err(stuck(name))));
            }
            if cancel.is_set() || Instant::now() >= until {
                return Ok(None);
            }
            slot.changed
                .wait_until(&mut state, cancel.until(Some(until.min(bound))));
        }
    }

    /// Messages of this transaction that the broker has refused for what is in them, the first hundred. Their deliveries say why.
    pub fn take_culprits(&self) -> Vec<(Arc<DeliverySet>, u32)> {
        std::mem::take(&mut *self.shared.culprits.lock())
    }

    /// A message of the client was refused or purged: the client is not to begin another transaction.
    pub fn has_gap(&self) -> bool {
        !self.is_foreign()
            && self
                .shared
                .borrow_client()
                .is_some_and(|borrowed| borrowed.get().is_ok_and(super::client::ProducerClient::has_gap))
    }

    /// Makes who waits for an answer look again; set its `Cancel` first.
    pub fn wake_transaction(&self) {
        if !self.is_foreign() {
            let _state = self.transactions.slot.state.lock();
            self.transactions.slot.changed.notify_all();
        }
    }

    /// Gives the client up: its messages are reported as purged, its threads end in the background, or stay behind
    /// where librdkafka does not let them go. Does not wait.
    pub fn abandon(&self) {
        if !self.is_foreign() {
            self.transactions.close();
            self.shared.begin_close(Duration::ZERO);
        }
    }
}

impl State {
    fn look(&mut self) {
        if let Some(open) = &mut self.open {
            open.look(Instant::now());
        }
    }
}

fn stuck(name: &str) -> Failure {
    let error = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT)
        .with_message(format!("{name} did not finish in time; its client is given up"));
    Failure {
        kind: FailureKind::Stuck,
        error,
    }
}
