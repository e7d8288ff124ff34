//! `Karafka::Native::Lease`: a batch and what can be done with it. Readers are called when a message is touched,
//! settling and marking are a number in a table.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use karafka_core::batch::held_bytes;
use karafka_core::lease::{Lease as Core, Wait};
use karafka_core::partition::Position;
use magnus::{
    gc, kwargs, method, prelude::*, DataTypeFunctions, Error, Integer, RArray, RHash, RModule, RString, Ruby, Symbol,
    TypedData, Value,
};

use crate::{errors, gvl, json};

#[derive(TypedData)]
#[magnus(class = "Karafka::Native::Lease", free_immediately, size)]
pub struct Lease {
    pub core: Core,
    /// What the garbage collector was told.
    memory_bytes: usize,
}

impl DataTypeFunctions for Lease {
    fn size(&self) -> usize {
        std::mem::size_of::<Self>() + self.memory_bytes
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        gc_adjust(-(self.memory_bytes as isize));
    }
}

/// Without this the collector sees none of the arenas: a no-op consumer peaked at 282 MB.
fn gc_adjust(bytes: isize) {
    if bytes != 0 {
        // SAFETY: only counts; allowed while an object is freed. Leases are made and freed with the GVL held.
        unsafe { rb_sys::rb_gc_adjust_memory_usage(bytes as _) };
    }
}

/// Bytes of batches alive at which the collector is asked to sweep at once.
const COLLECT_ABOVE_BYTES: usize = 16 * 1024 * 1024;
static COLLECT_ABOVE: AtomicUsize = AtomicUsize::new(COLLECT_ABOVE_BYTES);

/// Ruby sweeps as it allocates, and a consumer that allocates little (no-op, `pluck`) keeps hundreds of megabytes of
/// batches that nobody refers to. So a young collection runs when they have doubled since the last.
///
/// It does not find all: what an old consumer refers to while any collection runs counts as old itself, so each of those
/// leaves one batch behind. Where many are left, a full collection follows.
fn collect_if_due(ruby: &Ruby) -> Result<(), Error> {
    if held_bytes() <= COLLECT_ABOVE.load(Ordering::Relaxed) {
        return Ok(());
    }
    collect(ruby, false)?;
    if held_bytes() > COLLECT_ABOVE_BYTES / 2 {
        collect(ruby, true)?;
    }
    // A consumer may really need them: then the next time is when it has twice as many.
    COLLECT_ABOVE.store(COLLECT_ABOVE_BYTES.max(2 * held_bytes()), Ordering::Relaxed);
    Ok(())
}

fn collect(ruby: &Ruby, full: bool) -> Result<(), Error> {
    let gc: RModule = ruby.class_object().const_get("GC")?;
    let options = kwargs!(ruby, "full_mark" => full, "immediate_sweep" => true);
    gc.funcall::<_, _, Value>("start", (options,))?;
    Ok(())
}

impl Lease {
    pub fn new(ruby: &Ruby, core: Core) -> Result<Self, Error> {
        // The lease is a Rust value here: should this raise, it is dropped and delivered again.
        collect_if_due(ruby)?;
        let memory_bytes = core.messages().memory_bytes();
        gc_adjust(memory_bytes as isize);
        Ok(Lease { core, memory_bytes })
    }

    fn kind(ruby: &Ruby, rb_self: &Self) -> Symbol {
        ruby.to_symbol(rb_self.core.kind().as_str())
    }

    fn assignment_id(&self) -> u64 {
        self.core.assignment_id()
    }

    fn group_index(&self) -> usize {
        self.core.partition().group_index()
    }

    fn topic_index(&self) -> usize {
        self.core.partition().topic_index
    }

    fn topic(ruby: &Ruby, rb_self: &Self) -> Value {
        // Interned: every lease of a topic gives the same frozen String.
        ruby.str_new(&rb_self.core.partition().topic)
            .to_interned_str()
            .as_value()
    }

    fn partition(&self) -> i32 {
        self.core.partition().number
    }

    fn lane(&self) -> usize {
        self.core.lane()
    }

    fn generation(&self) -> u64 {
        self.core.partition().generation
    }

    /// One Integer or nil for each message, for a lease of the kind `keys`: one crossing for all.
    fn spread(&self, keys: Vec<Option<i64>>) {
        self.core.spread(&keys);
    }

    // ---- settling

    fn ack(&self) -> bool {
        self.core.ack()
    }

    fn release(&self) -> bool {
        self.core.release()
    }

    fn nack(ruby: &Ruby, rb_self: &Self) -> Value {
        delay(ruby, rb_self.core.nack())
    }

    /// `delay_ms` nil: the back-off; below 0: until it is resumed.
    fn retry(ruby: &Ruby, rb_self: &Self, delay_ms: Option<i64>, alone: bool) -> Value {
        let wait = match delay_ms.map(u64::try_from) {
            None => Wait::BackOff,
            Some(Ok(delay_ms)) => Wait::For(Duration::from_millis(delay_ms)),
            Some(Err(_)) => Wait::UntilResumed,
        };
        delay(ruby, rb_self.core.retry(wait, alone))
    }

    fn give_up(&self, offset: i64, mark: bool) -> bool {
        self.core.give_up(offset, mark)
    }

    fn unmarked_index(&self) -> Option<usize> {
        self.core.unmarked_index()
    }

    fn is_settled(&self) -> bool {
        self.core.is_settled()
    }

    // ---- offsets

    fn mark(&self, offset: i64) -> bool {
        self.core.mark(offset)
    }

    fn mark_with(&self, offset: i64, metadata: String) -> bool {
        self.core.mark_with(offset, &metadata)
    }

    fn store_metadata(&self, metadata: String) -> bool {
        self.core.store_metadata(&metadata)
    }

    /// nil: the partition is lost.
    fn committed_metadata(ruby: &Ruby, rb_self: &Self) -> Result<Option<String>, Error> {
        gvl::blocking(ruby, || rb_self.core.committed_metadata())?.map_err(|error| errors::raise(ruby, error))
    }

    fn commit_async(ruby: &Ruby, rb_self: &Self) -> Result<bool, Error> {
        rb_self.core.commit_async().map_err(|error| errors::raise(ruby, error))
    }

    fn commit_sync(ruby: &Ruby, rb_self: &Self) -> Result<bool, Error> {
        gvl::blocking(ruby, || rb_self.core.commit_sync())?.map_err(|error| errors::raise(ruby, error))
    }

    fn transaction_committed(&self, offset: i64) -> bool {
        self.core.transaction_committed(offset)
    }

    fn committed_offset(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<Option<i64>, Error> {
        let timeout = Duration::from_millis(timeout_ms);
        gvl::blocking(ruby, || rb_self.core.committed_offset(timeout))?.map_err(|error| errors::raise(ruby, error))
    }

    fn seek_offset(&self) -> i64 {
        self.core.seek_offset()
    }

    fn is_seeking(&self) -> bool {
        self.core.is_seeking()
    }

    fn seek(ruby: &Ruby, rb_self: &Self, to: Value) -> Result<bool, Error> {
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
        Ok(rb_self.core.seek(position))
    }

    fn seek_time(&self, time_ms: i64) -> bool {
        self.core.seek(Position::TimeMs(time_ms))
    }

    fn pause(&self, offset: Option<i64>, timeout_ms: i64) -> bool {
        let duration = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        self.core.pause(offset, duration)
    }

    fn resume(&self) -> bool {
        self.core.resume()
    }

    fn is_revoked(&self) -> bool {
        !self.core.partition().is_alive()
    }

    fn attempt(&self) -> u32 {
        self.core.attempt()
    }

    // ---- the batch

    fn size(&self) -> usize {
        self.core.messages().len()
    }

    fn bytesize(&self) -> usize {
        self.core.messages().data_bytes()
    }

    fn received_at_ms(&self) -> i64 {
        self.core.messages().batch().received_at_ms()
    }

    fn high_watermark(&self) -> i64 {
        self.core.high_watermark()
    }

    fn offset(ruby: &Ruby, rb_self: &Self, index: usize) -> Result<i64, Error> {
        rb_self
            .core
            .messages()
            .offset(index)
            .ok_or_else(|| rb_self.out_of_range(ruby, index))
    }

    fn timestamp_ms(ruby: &Ruby, rb_self: &Self, index: usize) -> Result<i64, Error> {
        rb_self
            .core
            .messages()
            .timestamp_ms(index)
            .ok_or_else(|| rb_self.out_of_range(ruby, index))
    }

    fn raw_payload(ruby: &Ruby, rb_self: &Self, index: usize) -> Result<Option<RString>, Error> {
        rb_self.check(ruby, index)?;
        Ok(rb_self.core.messages().payload(index).map(|bytes| utf8(ruby, bytes)))
    }

    fn raw_key(ruby: &Ruby, rb_self: &Self, index: usize) -> Result<Option<RString>, Error> {
        rb_self.check(ruby, index)?;
        Ok(rb_self.core.messages().key(index).map(|bytes| utf8(ruby, bytes)))
    }

    fn raw_headers(ruby: &Ruby, rb_self: &Self, index: usize) -> Result<RHash, Error> {
        rb_self.check(ruby, index)?;
        let hash = ruby.hash_new();
        for (name, value) in rb_self.core.messages().headers(index) {
            let name = utf8(ruby, name);
            let value: Value = value.map_or(ruby.qnil().as_value(), |bytes| utf8(ruby, bytes).as_value());
            match hash.get(name) {
                // A name that comes again makes an Array.
                Some(earlier) => match RArray::from_value(earlier) {
                    Some(list) => list.push(value)?,
                    None => hash.aset(name, ruby.ary_new_from_values(&[earlier, value]))?,
                },
                None => hash.aset(name, value)?,
            }
        }
        Ok(hash)
    }

    fn last_by_key(&self) -> Vec<usize> {
        self.core.messages().last_by_key()
    }

    fn groups_by_key(&self) -> Vec<Vec<usize>> {
        self.core.messages().groups_by_key()
    }

    fn offsets(ruby: &Ruby, rb_self: &Self) -> Result<RArray, Error> {
        let messages = rb_self.core.messages();
        let list = ruby.ary_new_capa(messages.len());
        for index in 0..messages.len() {
            list.push(messages.offset(index))?;
        }
        Ok(list)
    }

    fn raw_payloads(ruby: &Ruby, rb_self: &Self) -> Result<RArray, Error> {
        let messages = rb_self.core.messages();
        let list = ruby.ary_new_capa(messages.len());
        for index in 0..messages.len() {
            list.push(messages.payload(index).map(|bytes| utf8(ruby, bytes)))?;
        }
        Ok(list)
    }

    fn json(ruby: &Ruby, rb_self: &Self, index: usize) -> Result<Value, Error> {
        rb_self.check(ruby, index)?;
        json::parse(ruby, rb_self.core.messages().payload(index).unwrap_or_default())
    }

    /// Fields of all messages in one crossing, without the objects around them.
    fn pluck(ruby: &Ruby, rb_self: &Self, paths: RArray) -> Result<RArray, Error> {
        let paths = json::Paths::from_ruby(ruby, paths)?;
        let messages = rb_self.core.messages();
        let documents = (0..messages.len()).map(|index| messages.payload(index));
        Ok(json::pluck(ruby, documents, &paths)?)
    }

    fn check(&self, ruby: &Ruby, index: usize) -> Result<(), Error> {
        if index < self.core.messages().len() {
            return Ok(());
        }
        Err(self.out_of_range(ruby, index))
    }

    fn out_of_range(&self, ruby: &Ruby, index: usize) -> Error {
        let message = format!("message {index} of a batch of {}", self.core.messages().len());
        Error::new(ruby.exception_index_error(), message)
    }
}

/// Milliseconds; false: the partition was lost.
fn delay(ruby: &Ruby, delay: Option<Duration>) -> Value {
    match delay {
        Some(delay) => ruby
            .integer_from_u64(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
            .as_value(),
        None => ruby.qfalse().as_value(),
    }
}

fn utf8(ruby: &Ruby, bytes: &[u8]) -> RString {
    ruby.enc_str_new(bytes, ruby.utf8_encoding())
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = native.define_class("Lease", ruby.class_object())?;
    class.undef_default_alloc_func();
    gc::register_mark_object(class);
    class.define_method("kind", method!(Lease::kind, 0))?;
    class.define_method("assignment_id", method!(Lease::assignment_id, 0))?;
    class.define_method("group_index", method!(Lease::group_index, 0))?;
    class.define_method("topic_index", method!(Lease::topic_index, 0))?;
    class.define_method("topic", method!(Lease::topic, 0))?;
    class.define_method("partition", method!(Lease::partition, 0))?;
    class.define_method("lane", method!(Lease::lane, 0))?;
    class.define_method("generation", method!(Lease::generation, 0))?;
    class.define_method("spread", method!(Lease::spread, 1))?;
    class.define_method("ack", method!(Lease::ack, 0))?;
    class.define_method("release", method!(Lease::release, 0))?;
    class.define_method("nack", method!(Lease::nack, 0))?;
    class.define_method("retry", method!(Lease::retry, 2))?;
    class.define_method("give_up", method!(Lease::give_up, 2))?;
    class.define_method("unmarked_index", method!(Lease::unmarked_index, 0))?;
    class.define_method("settled?", method!(Lease::is_settled, 0))?;
    class.define_method("mark", method!(Lease::mark, 1))?;
    class.define_method("mark_with", method!(Lease::mark_with, 2))?;
    class.define_method("store_metadata", method!(Lease::store_metadata, 1))?;
    class.define_method("committed_metadata", method!(Lease::committed_metadata, 0))?;
    class.define_method("commit_async", method!(Lease::commit_async, 0))?;
    class.define_method("commit_sync", method!(Lease::commit_sync, 0))?;
    class.define_method("transaction_committed", method!(Lease::transaction_committed, 1))?;
    class.define_method("committed_offset", method!(Lease::committed_offset, 1))?;
    class.define_method("seeking?", method!(Lease::is_seeking, 0))?;
    class.define_method("seek_offset", method!(Lease::seek_offset, 0))?;
    class.define_method("seek", method!(Lease::seek, 1))?;
    class.define_method("seek_time", method!(Lease::seek_time, 1))?;
    class.define_method("pause", method!(Lease::pause, 2))?;
    class.define_method("resume", method!(Lease::resume, 0))?;
    class.define_method("revoked?", method!(Lease::is_revoked, 0))?;
    class.define_method("attempt", method!(Lease::attempt, 0))?;
    class.define_method("size", method!(Lease::size, 0))?;
    class.define_method("bytesize", method!(Lease::bytesize, 0))?;
    class.define_method("received_at_ms", method!(Lease::received_at_ms, 0))?;
    class.define_method("high_watermark", method!(Lease::high_watermark, 0))?;
    class.define_method("offset", method!(Lease::offset, 1))?;
    class.define_method("timestamp_ms", method!(Lease::timestamp_ms, 1))?;
    class.define_method("raw_payload", method!(Lease::raw_payload, 1))?;
    class.define_method("raw_key", method!(Lease::raw_key, 1))?;
    class.define_method("raw_headers", method!(Lease::raw_headers, 1))?;
    class.define_method("last_by_key", method!(Lease::last_by_key, 0))?;
    class.define_method("groups_by_key", method!(Lease::groups_by_key, 0))?;
    class.define_method("offsets", method!(Lease::offsets, 0))?;
    class.define_method("raw_payloads", method!(Lease::raw_payloads, 0))?;
    class.define_method("json", method!(Lease::json, 1))?;
    class.define_method("pluck", method!(Lease::pluck, 1))?;
    Ok(())
}
