//! Transactions of a producer. librdkafka's calls block, and `send_offsets_to_transaction` was seen to block far beyond
//! its own timeout after a broker was killed. So they run on a thread of ours, and who waits for one never waits longer
//! than its bound: then the client is to be given up (`Producer::abandon`) and a new one made, which ends what the old
//! one had begun.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::gate::Cancel;
use super::native::{Native, Refusal};
use super::shared::Shared;
use super::Producer;
use crate::error::{Error, KafkaError, Result};
use crate::fork::ForkGuard;
use crate::sync::{Condvar, Mutex};
use crate::transaction_offsets::GroupOffsets;

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
                .spawn(move || serve(&desk, &shared))
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
            desk.changed.wait_until(&mut state, until.min(bound));
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

fn serve(desk: &Desk, shared: &Arc<Shared>) {
    let mut ready = false;
    loop {
        let mut state = desk.state.lock();
        let (command, attempts, deadline) = loop {
            if state.closed {
                return;
            }
            if let (Some((command, attempts)), Some((_, deadline))) = (state.asked.take(), state.running) {
                break (command, attempts, deadline);
            }
            desk.changed.wait(&mut state);
        };
        drop(state);
        // A panic would leave its waiter waiting until the bound; it says what happened instead.
        let run = std::panic::AssertUnwindSafe(|| execute(shared, &command, attempts, deadline, &mut ready));
        let answer = std::panic::catch_unwind(run).unwrap_or_else(|_| {
            let error = KafkaError::internal(format!("{} has panicked", command.name()));
            Err(Failure {
                kind: FailureKind::Fatal,
                error,
            })
        });
        desk.state.lock().answer = Some(answer);
        desk.changed.notify_all();
    }
}

/// What may be tried again is, until the deadline.
fn execute(
    shared: &Shared,
    command: &Command,
    attempts: Attempts,
    deadline: Instant,
    ready: &mut bool,
) -> std::result::Result<(), Failure> {
    let mut attempt = 1;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let refusal = {
            // Borrowed for one call: an ending producer waits for it.
            let Some(client) = shared.borrow_native() else {
                return Err(gone());
            };
            let Ok(native) = client.get() else { return Err(gone()) };
            match step(native, command, left, ready) {
                Ok(()) => return Ok(()),
                Err(refusal) => refusal,
            }
        };
        let again = refusal.error.retriable && !refusal.error.fatal && !refusal.abort;
        if !again {
            return Err(classify(command, refusal));
        }
        let next = Instant::now() + attempts.backoff;
        // The bound of the time is what librdkafka was given; that of attempts is for brokers that refuse at once.
        if next >= deadline || attempt >= attempts.most {
            return Err(match command {
                // The client is fine, and the transaction is in the state that an abort is for.
                Command::SendOffsets(_) => Failure {
                    kind: FailureKind::Abortable,
                    error: refusal.error,
                },
                // Nobody knows in which state it is: the next client ends it.
                _ => Failure {
                    kind: FailureKind::Stuck,
                    error: refusal.error,
                },
            });
        }
        attempt += 1;
        std::thread::sleep(attempts.backoff);
    }
}

fn step(native: &Native, command: &Command, left: Duration, ready: &mut bool) -> std::result::Result<(), Refusal> {
    if !*ready {
        native.init_transactions(left)?;
        *ready = true;
    }
    match command {
        Command::Init => Ok(()),
        Command::Begin => native.begin_transaction(),
        Command::SendOffsets(offsets) => native.send_offsets(offsets, left),
        Command::Commit => native.commit_transaction(left),
        Command::Abort => native.abort_transaction(left),
    }
}

fn gone() -> Failure {
    Failure {
        kind: FailureKind::Fatal,
        error: KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__DESTROY),
    }
}

fn classify(command: &Command, refusal: Refusal) -> Failure {
    use RDKafkaRespErr::*;
    let Refusal { error, abort } = refusal;
    let fenced = [
        RD_KAFKA_RESP_ERR__FENCED,
        RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    ];
    let kind = if fenced.iter().any(|code| *code as i32 == error.number) {
        FailureKind::Fenced
    } else if error.fatal {
        FailureKind::Fatal
    } else if abort || matches!(command, Command::SendOffsets(_) | Command::Commit) {
        FailureKind::Abortable
    } else {
        // It can neither begin nor end a transaction.
        FailureKind::Fatal
    };
    Failure { kind, error }
}
