//! Transactions at the border: a step is handed over, then waited for. Two crossings a step, a few steps a transaction.

use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::produce::{Attempts, Command, Failure};
use magnus::{method, prelude::*, Error, RArray, RClass, Ruby, Symbol, Value};

use super::delivery::Delivery;
use super::{raise, Producer};
use crate::helpers::gvl::SIGNALS;
use crate::helpers::{errors, gvl};
use crate::lease::Lease;

/// Timeout and back-off in milliseconds, attempts, and how long an abort waits for reports in milliseconds.
type Times = (u64, u64, u32, u64);

impl Producer {
    /// step: :init, :begin, :commit or :abort. Does not wait.
    fn transact(ruby: &Ruby, rb_self: &Self, step: Symbol, times: Times) -> Result<(), Error> {
        let command = match &*step.name()? {
            "init" => Command::Init,
            "begin" => Command::Begin,
            "commit" => Command::Commit,
            "abort" => Command::Abort,
            other => {
                return Err(Error::new(
                    ruby.exception_arg_error(),
                    format!("unknown transaction step {other:?}: use :init, :begin, :commit or :abort"),
                ))
            }
        };
        rb_self.hand_over(ruby, command, times)
    }

    /// Everything before `offset` of the lease's partition. Waits for the broker where a commit is still under way.
    /// false: the partition is lost; nothing was handed over.
    fn transact_offset(
        ruby: &Ruby,
        rb_self: &Self,
        lease: &Lease,
        offset: i64,
        note: Option<String>,
        times: Times,
    ) -> Result<bool, Error> {
        if lease.core.awaits_commit() {
            let partition = lease.core.partition().clone();
            if !gvl::interruptible(ruby, move || partition.commit_sync())? {
                return Ok(false);
            }
        }
        let offsets = gvl::blocking(ruby, || lease.core.transaction_offsets(offset, note.as_deref()))?;
        let Some(offsets) = raise(ruby, offsets)? else {
            return Ok(false);
        };
        rb_self.hand_over(ruby, Command::SendOffsets(offsets), times)?;
        Ok(true)
    }

    fn hand_over(&self, ruby: &Ruby, command: Command, times: Times) -> Result<(), Error> {
        let (timeout_ms, backoff_ms, most, reports_ms) = times;
        let attempts = Attempts {
            backoff: Duration::from_millis(backoff_ms),
            most,
            reports: Duration::from_millis(reports_ms),
        };
        raise(
            ruby,
            self.core.transact(command, Duration::from_millis(timeout_ms), attempts),
        )
    }

    /// nil: not within this time; true: done; else [kind, code, message, fatal, retryable].
    fn transaction_answer(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<Value, Error> {
        let until = Instant::now() + Duration::from_millis(timeout_ms);
        loop {
            let cancel = Cancel::within(SIGNALS);
            let wake = || {
                cancel.set();
                rb_self.core.wake_transaction();
            };
            match gvl::without_gvl(|| rb_self.core.transaction_answer(until, &cancel), wake) {
                Some(Ok(Some(Ok(())))) => return Ok(ruby.qtrue().as_value()),
                Some(Ok(Some(Err(failure)))) => return Ok(described(ruby, &failure)?.as_value()),
                Some(Err(error)) => return Err(errors::raise(ruby, error)),
                None => {}
                Some(Ok(None)) if cancel.is_set() => {}
                Some(Ok(None)) => return Ok(ruby.qnil().as_value()),
            }
            gvl::check_interrupts(ruby)?;
        }
    }

    fn has_gap(&self) -> bool {
        self.core.has_gap()
    }

    fn abandon(ruby: &Ruby, rb_self: &Self) -> Result<(), Error> {
        gvl::blocking(ruby, || rb_self.core.abandon())
    }
}

fn described(ruby: &Ruby, failure: &Failure) -> Result<RArray, Error> {
    let list = ruby.ary_new_capa(5);
    list.push(ruby.to_symbol(failure.kind.as_str()))?;
    list.push(ruby.to_symbol(&failure.error.code))?;
    list.push(failure.error.message.as_str())?;
    list.push(failure.error.fatal)?;
    list.push(failure.error.retryable)?;
    Ok(list)
}

/// [[delivery, index], …] of messages that the broker has refused for what is in them, since the transaction began.
fn culprits(ruby: &Ruby, rb_self: &Producer) -> Result<RArray, Error> {
    let rows = ruby.ary_new();
    for (set, index) in rb_self.core.take_culprits() {
        let row = ruby.ary_new_capa(2);
        row.push(Delivery::new(&set, false))?;
        row.push(index)?;
        rows.push(row)?;
    }
    Ok(rows)
}

pub fn define(class: RClass) -> Result<(), Error> {
    class.define_method("culprits", method!(culprits, 0))?;
    class.define_method("transact", method!(Producer::transact, 2))?;
    class.define_method("transact_offset", method!(Producer::transact_offset, 4))?;
    class.define_method("transaction_answer", method!(Producer::transaction_answer, 1))?;
    class.define_method("gap?", method!(Producer::has_gap, 0))?;
    class.define_method("abandon", method!(Producer::abandon, 0))
}
