//! A producer that sends nothing can give its connections up. The next message makes another client.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::events::Event;
use super::producer_core::ProducerCore;
use super::Producer;
use crate::base::cancel::Cancel;
use crate::error::{Error, Result};

/// How long a disconnect that was asked for may take.
const DISCONNECT: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Idle {
    /// Milliseconds; 0: never.
    timeout_ms: AtomicU64,
    asked: AtomicBool,
}

impl ProducerCore {
    /// How much longer the client may be idle.
    pub(super) fn idle_for(&self, active_at: Instant) -> Duration {
        if self.idle.asked.load(Ordering::SeqCst) {
            return Duration::ZERO;
        }
        match self.idle.timeout_ms.load(Ordering::Relaxed) {
            0 => Duration::MAX,
            timeout_ms => Duration::from_millis(timeout_ms).saturating_sub(active_at.elapsed()),
        }
    }

    /// On the report thread, which holds no client. False: something is under way, or it is closing.
    pub(super) fn disconnect_now(&self) -> bool {
        let done = self.try_disconnect();
        self.idle.asked.store(false, Ordering::SeqCst);
        if done {
            self.events.push(Event::Disconnected);
        }
        self.room.made();
        done
    }

    fn try_disconnect(&self) -> bool {
        if self.in_flight() > 0 || self.closing().is_some() || !self.begin_reload() {
            return false;
        }
        let Some(client) = self.take_client() else { return false };
        // A call may have sent something, or begun a transaction, before the client was taken away. One that failed for
        // good is left as it is.
        let in_transaction = self.in_transaction.load(Ordering::SeqCst);
        if in_transaction || client.has_messages() || client.has_failed() {
            self.put_client(client);
            return false;
        }
        drop(client);
        self.end_idle()
    }
}

impl Producer {
    /// After this long without a message the connections are given up. Zero: never.
    pub fn set_idle_timeout(&self, timeout: Duration) {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.shared.idle.timeout_ms.store(timeout_ms, Ordering::Relaxed);
        self.shared.wake_reports();
    }

    /// There is a client.
    pub fn is_connected(&self) -> bool {
        self.shared.is_running()
    }

    /// There was a client.
    pub fn is_disconnected(&self) -> bool {
        self.shared.is_new() && self.shared.generation() > 0
    }

    /// Gives the connections up until the next message. False: messages are under way, or there is nothing to give up.
    pub fn disconnect(&self, cancel: &Cancel) -> Result<bool> {
        self.shared.check_open()?;
        if !self.shared.is_running() || self.shared.in_flight() > 0 {
            return Ok(false);
        }
        let generation = self.shared.generation();
        self.shared.idle.asked.store(true, Ordering::SeqCst);
        self.shared.wake_reports();
        let settled = || (!self.shared.idle.asked.load(Ordering::SeqCst)).then_some(());
        match self
            .shared
            .room
            .retry(Some(Instant::now() + DISCONNECT), cancel, settled)
        {
            Some(()) => Ok(!self.shared.is_running() || self.shared.generation() != generation),
            None if cancel.is_set() => Ok(false),
            None => Err(Error::TimedOut {
                operation: "disconnecting",
                timeout_ms: DISCONNECT.as_millis() as u64,
            }),
        }
    }
}
