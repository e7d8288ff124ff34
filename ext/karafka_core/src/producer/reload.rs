//! A client that has failed for good is replaced by another one: the next generation. What the dead one still had is
//! reported as failed, never sent again behind the caller's back; calls that come meanwhile wait for the next one.
//!
//! fatal event ─▶ RELOADING ─▶ client taken away ─▶ purged, until each report has come ─▶ ended ─▶ back-off ─▶ new
//! client ─▶ RUNNING. Nothing is sent by the new one before the old one is gone, so what is reported as delivered is
//! in order. All of it happens on the report thread.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::events::Event;
use super::gate::Cancel;
use super::reports;
use super::shared::Shared;
use crate::error::{Error, KafkaError, Result};

/// The reports of a dead client take milliseconds. After this long something is wrong that no waiting mends.
const DRAIN: Duration = Duration::from_secs(30);
const DRAIN_POLL: Duration = Duration::from_millis(20);
/// A purge misses what is just on its way between two of librdkafka's queues.
const PURGE_AGAIN: Duration = Duration::from_millis(200);

/// When a client that has failed for good is replaced.
#[derive(Debug, Clone)]
pub struct ReloadPolicy {
    /// How many times in a row, with no message delivered in between. 0: never.
    pub max_attempts: u32,
    /// Before each attempt but the first.
    pub backoff: Duration,
    /// librdkafka's names of errors that are left as they are, besides those of fencing.
    pub except: Vec<String>,
}

impl ReloadPolicy {
    pub fn never() -> Self {
        ReloadPolicy {
            max_attempts: 0,
            backoff: Duration::ZERO,
            except: Vec::new(),
        }
    }
}

/// Another producer has taken over: to come back would throw that one out, which would come back, and so on.
fn is_fenced(code: &str) -> bool {
    matches!(code, "fenced" | "producer_fenced")
}

/// The policy and how far it has come.
pub(super) struct Reload {
    policy: ReloadPolicy,
    attempts: AtomicU32,
    given_up: AtomicBool,
}

impl Reload {
    pub fn new(policy: ReloadPolicy) -> Self {
        Reload {
            policy,
            attempts: AtomicU32::new(0),
            given_up: AtomicBool::new(false),
        }
    }

    /// No other client will come after this error.
    pub fn is_final(&self, error: &KafkaError) -> bool {
        self.given_up.load(Ordering::SeqCst)
            || self.policy.max_attempts == 0
            || is_fenced(&error.code)
            || self.policy.except.contains(&error.code)
    }

    /// A message was delivered: the client works.
    pub fn delivered(&self) {
        if self.attempts.load(Ordering::Relaxed) > 0 {
            self.attempts.store(0, Ordering::SeqCst);
        }
    }

    fn next(&self, error: &KafkaError) -> Option<u32> {
        if self.is_final(error) {
            return None;
        }
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst) + 1;
        (attempt <= self.policy.max_attempts).then_some(attempt)
    }
}

/// Replaces the client after a fatal error, as often as the policy allows. Called by the report thread, which must not
/// hold the client. An error: the producer can't go on at all.
pub(super) fn run(shared: &Shared, fatal: KafkaError) -> Result<()> {
    let mut error = fatal;
    loop {
        let Some(attempt) = shared.reload.next(&error) else {
            give_up(shared);
            return Ok(());
        };
        if !shared.begin_reload() {
            return Ok(());
        }
        shared.events.push(Event::Reloading {
            attempt,
            error: error.clone(),
        });
        let failed = bury(shared, &error)?;
        if attempt > 1 {
            shared.pause(shared.reload.policy.backoff);
        }
        if shared.closing().is_some() {
            return Ok(());
        }
        match shared.install() {
            Ok(()) => {
                shared.events.push(Event::Reloaded { attempt, failed });
                return Ok(());
            }
            Err(refused) => {
                error = KafkaError::internal(format!("no new client: {refused}"));
                error.fatal = true;
                shared.events.push(Event::Error(error.clone()));
            }
        }
    }
}

/// Who waits for the next client hears that there is none. Without any client the producer is at its end.
fn give_up(shared: &Shared) {
    shared.reload.given_up.store(true, Ordering::SeqCst);
    shared.end_without_client();
    shared.room.made();
}

/// Takes the client away from everybody and waits for the reports of what it still had. Gives how many.
fn bury(shared: &Shared, error: &KafkaError) -> Result<usize> {
    let Some(native) = shared.take_native() else {
        return Ok(0);
    };
    native.set_epitaph(format!(
        "the producer's client was replaced after a fatal error: {error}"
    ));
    let deadline = Instant::now() + DRAIN;
    let (mut failed, mut purged_at) = (0, None);
    while native.has_messages() {
        let now = Instant::now();
        if purged_at.is_none_or(|at| now > at + PURGE_AGAIN) {
            native.purge();
            purged_at = Some(now);
        }
        if now > deadline {
            return Err(Error::Internal(
                "a client that failed does not give its messages back".to_owned(),
            ));
        }
        failed += reports::poll(shared, &native, DRAIN_POLL).failed;
    }
    drop(native);
    Ok(failed)
}

impl Shared {
    /// Waits until there is a client of another generation, or none will come. Holds no client meanwhile.
    /// False: cancelled.
    pub(super) fn wait_for_client(self: &Arc<Self>, dead: u64, cancel: &Cancel) -> bool {
        self.room
            .retry(None, cancel, || {
                let settled = self.generation() != dead && !self.is_reloading();
                (settled || self.reload.given_up.load(Ordering::SeqCst) || self.check_open().is_err()).then_some(())
            })
            .is_some()
    }

    fn install(&self) -> Result<()> {
        let native = self.make_native()?;
        self.put_native(native);
        self.room.made();
        Ok(())
    }
}
