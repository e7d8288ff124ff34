//! The thread `krs.tx`: carries out one step of a transaction after the other, and says what a failure leaves to do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::{Attempts, Command, Desk, Failure, FailureKind};
use crate::error::KafkaError;
use crate::producer::native::{Native, Refusal};
use crate::producer::shared::Shared;

pub(super) fn serve(desk: &Desk, shared: &Arc<Shared>) {
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
