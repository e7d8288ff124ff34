//! A lease's offsets: marks, commits, and where reading goes on.

use std::time::Duration;

use karafka_core::partition::{Marked, Position};
use magnus::{method, prelude::*, Error, Integer, RClass, Ruby, Symbol, Value};

use super::{messages, Lease};
use crate::helpers::{errors, gvl};

impl Lease {
    fn mark(&self, offset: i64) -> bool {
        self.core.mark(offset)
    }

    /// Marks the message at that place of the batch. false: the partition is lost; nil: it is older than the last one that was
    /// marked, and nothing has changed.
    fn mark_at(ruby: &Ruby, rb_self: &Self, index: usize) -> Result<Option<bool>, Error> {
        let offset = messages::offset(ruby, rb_self, index)?;
        Ok(match rb_self.core.mark_forward(offset) {
            Marked::Lost => Some(false),
            Marked::Forward => Some(true),
            Marked::Back => None,
        })
    }

    /// false: the partition is lost; :back: an older message than the last one that was marked.
    fn mark_exactly(ruby: &Ruby, rb_self: &Self, offset: i64, commits: bool) -> Value {
        match rb_self.core.mark_exactly(offset, commits) {
            Marked::Lost => ruby.qfalse().as_value(),
            Marked::Forward => ruby.qtrue().as_value(),
            Marked::Back => ruby.to_symbol("back").as_value(),
        }
    }

    fn store_metadata(&self, metadata: String) -> bool {
        self.core.store_metadata(&metadata)
    }

    /// nil: the partition is lost.
    fn committed_metadata(ruby: &Ruby, rb_self: &Self) -> Result<Option<String>, Error> {
        let partition = rb_self.core.partition().clone();
        gvl::interruptible(ruby, move || partition.committed_metadata())
    }

    fn commit_async(ruby: &Ruby, rb_self: &Self) -> Result<bool, Error> {
        rb_self.core.commit_async().map_err(|error| errors::raise(ruby, error))
    }

    fn commit_sync(ruby: &Ruby, rb_self: &Self) -> Result<bool, Error> {
        let partition = rb_self.core.partition().clone();
        gvl::interruptible(ruby, move || partition.commit_sync())
    }

    fn transaction_committed(&self, offset: i64) -> bool {
        self.core.transaction_committed(offset)
    }

    fn committed_offset(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<Option<i64>, Error> {
        let timeout = Duration::from_millis(timeout_ms);
        let partition = rb_self.core.partition().clone();
        gvl::interruptible(ruby, move || partition.committed_offset(timeout))
    }

    fn seek_offset(&self) -> i64 {
        self.core.seek_offset()
    }

    fn is_seeking(&self) -> bool {
        self.core.is_seeking()
    }

    fn seek(ruby: &Ruby, rb_self: &Self, to: Value, forgets: bool) -> Result<bool, Error> {
        let position = if let Some(offset) = Integer::from_value(to) {
            Position::Offset(offset.to_i64()?)
        } else {
            match Symbol::from_value(to)
                .map(|name| name.name().map(|name| name.into_owned()))
                .transpose()?
                .as_deref()
            {
                Some("earliest") => Position::Earliest,
                Some("latest") => Position::Latest,
                _ => {
                    let message = format!("seek to {}: must be an offset, :earliest or :latest", to.inspect());
                    return Err(Error::new(ruby.exception_arg_error(), message));
                }
            }
        };
        Ok(rb_self.core.seek(position, forgets))
    }

    /// nil: the partition is lost.
    fn offset_at(ruby: &Ruby, rb_self: &Self, time_ms: i64, timeout_ms: u64) -> Result<Option<i64>, Error> {
        let timeout = Duration::from_millis(timeout_ms);
        let partition = rb_self.core.partition().clone();
        gvl::interruptible(ruby, move || partition.offset_at(time_ms, timeout))
    }

    fn pause(&self, offset: Option<i64>, timeout_ms: i64) -> bool {
        let duration = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        self.core.pause(offset, duration)
    }

    fn resume(&self) -> bool {
        self.core.resume()
    }
}

pub fn define(class: RClass) -> Result<(), Error> {
    class.define_method("mark", method!(Lease::mark, 1))?;
    class.define_method("mark_at", method!(Lease::mark_at, 1))?;
    class.define_method("mark_exactly", method!(Lease::mark_exactly, 2))?;
    class.define_method("store_metadata", method!(Lease::store_metadata, 1))?;
    class.define_method("committed_metadata", method!(Lease::committed_metadata, 0))?;
    class.define_method("commit_async", method!(Lease::commit_async, 0))?;
    class.define_method("commit_sync", method!(Lease::commit_sync, 0))?;
    class.define_method("transaction_committed", method!(Lease::transaction_committed, 1))?;
    class.define_method("committed_offset", method!(Lease::committed_offset, 1))?;
    class.define_method("seeking?", method!(Lease::is_seeking, 0))?;
    class.define_method("seek_offset", method!(Lease::seek_offset, 0))?;
    class.define_method("seek", method!(Lease::seek, 2))?;
    class.define_method("offset_at", method!(Lease::offset_at, 2))?;
    class.define_method("pause", method!(Lease::pause, 2))?;
    class.define_method("resume", method!(Lease::resume, 0))?;
    Ok(())
}
