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
use super::producer_core::ProducerCore;
use super::reports;
use crate::base::cancel::Cancel;
use crate::base::sync::{Condvar, Mutex};
use crate::config::ReloadConfig;
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
    /// This long the next client waits until the host has passed `Reloading` on, as it may change the settings then.
    pub hearing: Duration,
}

impl From<ReloadConfig> for ReloadPolicy {
    fn from(config: ReloadConfig) -> Self {
        ReloadPolicy {
            max_attempts: config.attempts,
            backoff: Duration::from_millis(config.backoff_ms),
            except: config.except,
            hearing: Duration::from_millis(config.hearing_ms),
        }
    }
}

impl ReloadPolicy {
    pub fn never() -> Self {
        ReloadPolicy {
            max_attempts: 0,
            backoff: Duration::ZERO,
            except: Vec::new(),
            hearing: Duration::ZERO,
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
    is_stopped: AtomicBool,
    /// The last attempt that the host has passed on.
    heard: Mutex<u32>,
    hears: Condvar,
}

impl Reload {
    pub fn new(policy: ReloadPolicy) -> Self {
        Reload {
            policy,
            attempts: AtomicU32::new(0),
            is_stopped: AtomicBool::new(false),
            heard: Mutex::default(),
            hears: Condvar::default(),
        }
    }

    /// No other client will come after this error.
    pub fn is_final(&self, error: &KafkaError) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
            || self.policy.max_attempts == 0
            || is_fenced(&error.code)
            || self.policy.except.contains(&error.code)
    }

    /// The host has passed that attempt on.
    pub fn heard(&self, attempt: u32) {
        *self.heard.lock() = attempt;
        self.hears.notify_all();
    }

    /// Attempts begin with 1 again once a message was delivered.
    fn forget_heard(&self) {
        *self.heard.lock() = 0;
    }

    fn wait_until_heard(&self, attempt: u32, closing: impl Fn() -> bool) {
        let deadline = Instant::now() + self.policy.hearing;
        let mut heard = self.heard.lock();
        while *heard != attempt && !closing() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.hears.wait_until(&mut heard, Instant::now() + left.min(DRAIN_POLL));
        }
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
pub(super) fn run(shared: &ProducerCore, fatal: KafkaError) -> Result<()> {
    let mut error = fatal;
    loop {
        let Some(attempt) = shared.reload.next(&error) else {
            stop_reloading(shared);
            return Ok(());
        };
        if !shared.begin_reload() {
            return Ok(());
        }
        shared.reload.forget_heard();
        shared.events.push(Event::Reloading {
            attempt,
            error: error.clone(),
        });
        let failed = drain_dead_client(shared, &error)?;
        if attempt > 1 {
            shared.pause(shared.reload.policy.backoff);
        }
        shared.reload.wait_until_heard(attempt, || shared.closing().is_some());
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

/// Calls that wait for the next client return: there will be none. Without any client the producer is at its end.
fn stop_reloading(shared: &ProducerCore) {
    shared.reload.is_stopped.store(true, Ordering::SeqCst);
    shared.end_without_client();
    shared.room.made();
}

/// Takes the client away from everybody and waits for the reports of what it still had. Gives how many.
fn drain_dead_client(shared: &ProducerCore, error: &KafkaError) -> Result<usize> {
    let Some(client) = shared.take_client() else {
        return Ok(0);
    };
    client.set_replacement_reason(format!(
        "the producer's client was replaced after a fatal error: {error}"
    ));
    let deadline = Instant::now() + DRAIN;
    let (mut failed, mut purged_at) = (0, None);
    while client.has_messages() {
        let now = Instant::now();
        if purged_at.is_none_or(|at| now > at + PURGE_AGAIN) {
            client.purge();
            purged_at = Some(now);
        }
        if now > deadline {
            return Err(Error::Internal(
                "a client that failed does not give its messages back".to_owned(),
            ));
        }
        failed += reports::poll(shared, &client, DRAIN_POLL).failed;
    }
    failed += reports::report_resends_as_purged(shared, &client);
    drop(client);
    Ok(failed)
}

impl ProducerCore {
    /// Waits until there is a client of another generation, or none will come. Holds no client meanwhile.
    /// False: cancelled.
    pub(super) fn wait_for_client(self: &Arc<Self>, dead: u64, cancel: &Cancel) -> bool {
        self.room
            .retry(None, cancel, || {
                let settled = self.generation() != dead && !self.is_reloading();
                (settled || self.reload.is_stopped.load(Ordering::SeqCst) || self.check_open().is_err()).then_some(())
            })
            .is_some()
    }

    fn install(&self) -> Result<()> {
        let client = self.make_client()?;
        self.put_client(client);
        self.room.made();
        Ok(())
    }
}
