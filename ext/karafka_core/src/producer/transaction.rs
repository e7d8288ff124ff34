//! Transactions of a producer. librdkafka's calls block, and `send_offsets_to_transaction` was seen to block far beyond
//! its own timeout after a broker was killed. So they run on a thread of ours, and who waits for one never waits longer
//! than its bound: then the client is to be given up (`Producer::abandon`) and a new one made, which ends what the old
//! one had begun.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::gate::Cancel;
use super::Producer;
use crate::error::{Error, KafkaError, Result};
use crate::fork::ForkGuard;
use crate::sync::{Condvar, Mutex};
use crate::transaction_offsets::GroupOffsets;

mod thread;

/// What a call may take on top of its timeout before its client counts as stuck.
const GRACE: Duration = Duration::from_secs(1);

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
    /// The bound has passed. The call may be inside librdkafka for ever.
    Stuck,
}

impl FailureKind {
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Abortable => "abortable",
            FailureKind::Fatal => "fatal",
            FailureKind::Fenced => "fenced",
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
}

#[derive(Default)]
struct State {
    asked: Option<(Command, Attempts)>,
    /// While a command is asked for or runs: its name and its bound.
    running: Option<(&'static str, Instant)>,
    answer: Option<std::result::Result<(), Failure>>,
    thread: bool,
    closed: bool,
}

/// Where callers and the thread `krs.tx` meet: one command at a time.
#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

pub(super) struct Transactions {
    desk: Arc<Desk>,
    guard: ForkGuard,
}

impl Transactions {
    pub fn new() -> Self {
        Transactions {
            desk: Arc::default(),
            guard: ForkGuard::new(),
        }
    }

    /// The thread ends when it has nothing to do; what it is inside of ends by itself.
    pub fn close(&self) {
        if !self.guard.is_foreign() {
            self.desk.state.lock().closed = true;
            self.desk.changed.notify_all();
        }
    }
}

impl Producer {
    /// Hands a step to the transaction thread, which is started at the first one. One step at a time: take its answer
    /// with `transaction_answer` before the next.
    pub fn transact(&self, command: Command, timeout: Duration, attempts: Attempts) -> Result<()> {
        // Also refuses in a forked child, before any lock is touched.
        self.shared.start()?;
        let desk = &self.transactions.desk;
        let mut state = desk.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        if state.running.is_some() {
            return Err(Error::Internal(
                "a step of a transaction is under way already".to_owned(),
            ));
        }
        if !state.thread {
            let (desk, shared) = (Arc::clone(desk), Arc::clone(&self.shared));
            std::thread::Builder::new()
                .name("krs.tx".to_owned())
                .spawn(move || thread::serve(&desk, &shared))
                .map_err(|error| Error::Internal(format!("no thread for transactions: {error}")))?;
            state.thread = true;
        }
        state.answer = None;
        state.running = Some((command.name(), Instant::now() + timeout));
        state.asked = Some((command, attempts));
        drop(state);
        desk.changed.notify_all();
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
        let desk = &self.transactions.desk;
        let mut state = desk.state.lock();
        loop {
            if let Some(answer) = state.answer.take() {
                state.running = None;
                return Ok(Some(answer));
            }
            let Some((name, deadline)) = state.running else {
                return Err(Error::Internal("no step of a transaction is under way".to_owned()));
            };
            if state.closed {
                return Err(Error::Closed);
            }
            let bound = deadline + GRACE;
            if Instant::now() >= bound {
                // `running` stays: nothing more may be asked of this client.
                return Ok(Some(Err(stuck(name))));
            }
            if cancel.is_set() || Instant::now() >= until {
                return Ok(None);
            }
            let patience = cancel.patience(Some(until.min(bound)));
            desk.changed.wait_until(&mut state, Instant::now() + patience);
        }
    }

    /// Makes who waits for an answer look again; set its `Cancel` first.
    pub fn wake_transaction(&self) {
        if !self.is_foreign() {
            let _state = self.transactions.desk.state.lock();
            self.transactions.desk.changed.notify_all();
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

fn stuck(name: &str) -> Failure {
    let error = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT)
        .with_message(format!("{name} did not end in time; its client is given up"));
    Failure {
        kind: FailureKind::Stuck,
        error,
    }
}
