//! The thread `krs.tx`: carries out one step of a transaction after the other, and says what a failure leaves to do.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::open::{Open, LOOK};
use super::{Attempts, Command, CommandSlot, Failure, FailureKind, State};
use crate::error::KafkaError;
use crate::produce::client::{is_fence, ProducerClient, Refusal};
use crate::produce::producer_core::ProducerCore;

/// How often an abort looks whether it still waits for reports.
const REPORTS_SLICE: Duration = Duration::from_millis(20);
/// Pause between two looks at a client that is being replaced.
const RELOADING_PAUSE: Duration = Duration::from_millis(10);

pub(super) fn serve(slot: &CommandSlot, shared: &Arc<ProducerCore>) {
    let mut ready = 0;
    loop {
        let mut state = slot.state.lock();
        let (command, attempts, deadline) = loop {
            if state.closed {
                return;
            }
            if let (Some((command, attempts)), Some((_, deadline))) = (state.asked.take(), state.running) {
                break (command, attempts, deadline);
            }
            if state.open.is_none() {
                slot.changed.wait(&mut state);
                continue;
            }
            slot.changed.wait_until(&mut state, Instant::now() + LOOK);
            state.look();
        };
        drop(state);
        // A panic would leave its waiter waiting until the bound; it says what happened instead.
        let run = std::panic::AssertUnwindSafe(|| {
            if matches!(command, Command::Abort) {
                settle_messages(shared, attempts.reports);
            }
            execute(shared, &command, attempts, deadline, &mut ready)
        });
        let answer = std::panic::catch_unwind(run).unwrap_or_else(|_| {
            let error = KafkaError::internal(format!("{} has panicked", command.name()));
            Err(Failure {
                kind: FailureKind::Fatal,
                error,
            })
        });
        let mut state = slot.state.lock();
        state.answer = Some(answer.map_err(|failure| explained(failure, &state, slot.timeout)));
        state.look();
        let over = match command {
            Command::Begin => state.answer.as_ref().is_some_and(std::result::Result::is_err),
            Command::Commit | Command::Abort => state.answer.as_ref().is_some_and(std::result::Result::is_ok),
            _ => false,
        };
        if over {
            state.open = None;
        }
        drop(state);
        slot.changed.notify_all();
    }
}

/// librdkafka purges at an abort what is not sent yet, and mixes up what is just on its way: a partition that is being added
/// to the transaction was seen to make the abort fail, and a purged request to leave a gap in the sequence numbers, which
/// fails the next transaction. So their reports are waited for first, unless nothing is sent any more.
fn settle_messages(shared: &ProducerCore, patience: Duration) {
    let deadline = Instant::now() + patience;
    while shared.in_flight() > 0 {
        let Some(borrowed) = shared.borrow_client() else { return };
        let Ok(client) = borrowed.get() else { return };
        if client.has_gap() || Instant::now() >= deadline {
            return client.note_gap();
        }
        client.flush(REPORTS_SLICE);
    }
}

fn explained(failure: Failure, state: &State, timeout: Duration) -> Failure {
    let timed_out = |open: &Open| open.has_timed_out(timeout, Instant::now());
    if failure.kind != FailureKind::Fenced || !state.open.as_ref().is_some_and(timed_out) {
        return failure;
    }
    Failure {
        kind: FailureKind::TimedOut,
        ..failure
    }
}

/// What may be tried again is, until the deadline. `ready`: the generation of the client that was prepared.
fn execute(
    shared: &Arc<ProducerCore>,
    command: &Command,
    attempts: Attempts,
    deadline: Instant,
    ready: &mut u64,
) -> std::result::Result<(), Failure> {
    let mut attempt = 1;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if shared.is_new() && shared.start().is_err() {
            return Err(gone());
        }
        let refusal = {
            // Borrowed for one call: an ending producer waits for it.
            let Some(borrowed) = shared.borrow_client() else {
                if shared.is_reloading() && Instant::now() < deadline {
                    // It gives its connections up just now.
                    std::thread::sleep(RELOADING_PAUSE);
                    continue;
                }
                return Err(gone());
            };
            let Ok(client) = borrowed.get() else { return Err(gone()) };
            match (step(client, shared, command, left, ready), client.fence()) {
                // An abort may come to its end before librdkafka knows. A new client would throw the other one out.
                (Err(_), Some(error)) => Refusal { error, abort: false },
                (Ok(()), Some(error)) if matches!(command, Command::Abort) => Refusal { error, abort: false },
                (Ok(()), _) => return Ok(()),
                (Err(refusal), None) => refusal,
            }
        };
        let again = refusal.error.retryable && !refusal.error.fatal && !refusal.abort;
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

fn step(
    client: &ProducerClient,
    shared: &ProducerCore,
    command: &Command,
    left: Duration,
    ready: &mut u64,
) -> std::result::Result<(), Refusal> {
    if *ready != client.generation() {
        client.init_transactions(left)?;
        *ready = client.generation();
    }
    match command {
        Command::Init => Ok(()),
        Command::Begin => {
            client.begin_transaction()?;
            shared.in_transaction.store(true, Ordering::SeqCst);
            Ok(())
        }
        Command::SendOffsets(offsets) => client.send_offsets(offsets, left),
        Command::Commit | Command::Abort => {
            if matches!(command, Command::Commit) {
                client.commit_transaction(left)?;
            } else {
                client.abort_transaction(left)?;
            }
            shared.in_transaction.store(false, Ordering::SeqCst);
            Ok(())
        }
    }
}

fn gone() -> Failure {
    Failure {
        kind: FailureKind::Fatal,
        error: KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__DESTROY),
    }
}

fn classify(command: &Command, refusal: Refusal) -> Failure {
    let Refusal { error, abort } = refusal;
    let kind = if is_fence(&error) {
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
