//! What lets a producer that nobody uses any more be forgotten by those who serve it: its events can be taken without
//! holding it, and it says when nothing of it is under way.

use std::mem::ManuallyDrop;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use super::events::Event;
use super::producer_core::ProducerCore;
use super::Producer;
use crate::base::cancel::Cancel;
use crate::error::{Error, Result};

/// The events of a producer. Does not keep it: dropped without a close it still ends, and these events with it.
pub struct EventSource(ManuallyDrop<Arc<ProducerCore>>);

impl EventSource {
    /// True in a process forked after the producer was made.
    pub fn is_foreign(&self) -> bool {
        self.0.guard.is_foreign()
    }

    /// All events, as soon as there is one. Empty: timed out, cancelled, or the producer is no longer
    /// at rest. None: closed and empty.
    pub fn take(&self, timeout: Duration, cancel: &Cancel) -> Option<Vec<Event>> {
        self.0.events.take(timeout, cancel)
    }

    /// The newest statistics, as soon as there are some. Some(None): timed out or cancelled. None: closed, and taken.
    pub fn take_statistics(&self, timeout: Duration, cancel: &Cancel) -> Option<Option<String>> {
        self.0.events.take_statistics(timeout, cancel)
    }

    /// Makes whoever takes look again; set its `Cancel` first.
    pub fn wake(&self) {
        if !self.is_foreign() {
            self.0.events.wake();
        }
    }
}

impl Drop for EventSource {
    fn drop(&mut self) {
        if !self.is_foreign() {
            // SAFETY: dropped once, here. The client in it belongs to the report thread, which has a reference of its own.
            unsafe { ManuallyDrop::drop(&mut self.0) };
        }
    }
}

impl Producer {
    /// Whoever asks for this has to take them: from now on failures of sets without a tag are kept for it, too.
    pub fn events(&self) -> Result<EventSource> {
        if self.shared.guard.is_foreign() {
            return Err(Error::Forked);
        }
        self.shared.events.will_be_read();
        Ok(EventSource(ManuallyDrop::new(Arc::clone(&self.shared))))
    }

    /// True: nothing is under way nor was since the last look, and all events were taken, so whoever has kept the producer for
    /// their sake can let it go. Then `send_single` takes nothing before `wake_up`. Not to be called while a message is handed
    /// over.
    pub fn go_dormant(&self) -> bool {
        if self.shared.guard.is_foreign() {
            return false;
        }
        // In this order: a report is an event before it is no longer counted.
        let idle = self.shared.in_flight() == 0 && self.shared.events.is_empty();
        let reported = self.shared.reported_in_all();
        if self.shared.reported_at_look.swap(reported, Ordering::SeqCst) != reported {
            return false;
        }
        if idle {
            self.shared.dormant.store(true, Ordering::SeqCst);
        }
        idle
    }

    /// True: it was at rest.
    pub fn wake_up(&self) -> bool {
        let woken = self.shared.dormant.load(Ordering::SeqCst) && self.shared.dormant.swap(false, Ordering::SeqCst);
        if woken {
            self.shared.events.nudge();
        }
        woken
    }
}
