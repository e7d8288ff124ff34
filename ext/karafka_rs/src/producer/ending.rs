//! The calls that end messages under way: `flush`, `close`, `purge` and `disconnect`.

use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use magnus::{method, prelude::*, Error, RClass, Ruby};

use super::{raise, Producer};
use crate::helpers::gvl::{self, SIGNALS};

impl Producer {
    /// Interruptible, as all waits here.
    fn flush(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<bool, Error> {
        let deadline = Instant::now() + Duration::from_millis(timeout_ms);
        loop {
            let cancel = Cancel::within(SIGNALS);
            let left = deadline.saturating_duration_since(Instant::now());
            let flushed = gvl::without_gvl(|| rb_self.core.flush(left, &cancel), || cancel.set());
            let flushed = raise(ruby, flushed.transpose())?;
            if let Some(flushed) = flushed {
                if flushed || !cancel.is_set() {
                    return Ok(flushed);
                }
            }
            gvl::check_interrupts(ruby)?;
        }
    }

    /// Interruptible; interrupted it goes on closing in the background.
    fn close(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<usize, Error> {
        let deadline = raise(ruby, rb_self.core.begin_close(Duration::from_millis(timeout_ms)))?;
        loop {
            let cancel = Cancel::within(SIGNALS);
            let closed = gvl::without_gvl(|| rb_self.core.finish_close(deadline, &cancel), || cancel.set());
            if let Some(undelivered) = raise(ruby, closed.transpose())?.flatten() {
                return Ok(undelivered);
            }
            gvl::check_interrupts(ruby)?;
        }
    }

    /// Gives up what was not delivered, and waits for the reports of that, a few seconds at most. Interruptible.
    fn purge(ruby: &Ruby, rb_self: &Self) -> Result<usize, Error> {
        let begun = gvl::blocking(ruby, || rb_self.core.begin_purge())?;
        let purge = raise(ruby, begun)?;
        loop {
            let cancel = Cancel::within(SIGNALS);
            if gvl::without_gvl(|| rb_self.core.finish_purge(&purge, &cancel), || cancel.set()) == Some(true) {
                return Ok(purge.messages);
            }
            gvl::check_interrupts(ruby)?;
        }
    }

    /// false: messages are under way, or there is nothing to give up.
    fn disconnect(ruby: &Ruby, rb_self: &Self) -> Result<bool, Error> {
        loop {
            let cancel = Cancel::new();
            let done = gvl::without_gvl(|| rb_self.core.disconnect(&cancel), || cancel.set());
            if let Some(done) = raise(ruby, done.transpose())? {
                return Ok(done);
            }
            gvl::check_interrupts(ruby)?;
        }
    }

    fn is_disconnected(&self) -> bool {
        self.core.is_disconnected()
    }
}

pub fn define(class: RClass) -> Result<(), Error> {
    class.define_method("flush", method!(Producer::flush, 1))?;
    class.define_method("close", method!(Producer::close, 1))?;
    class.define_method("disconnect", method!(Producer::disconnect, 0))?;
    class.define_method("disconnected?", method!(Producer::is_disconnected, 0))?;
    class.define_method("purge", method!(Producer::purge, 0))?;
    Ok(())
}
