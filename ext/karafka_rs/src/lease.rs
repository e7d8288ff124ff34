//! `Karafka::Native::Lease`: a batch and what can be done with it. Readers are called when a message is touched,
//! settling and marking are a number in a table.

use std::time::Duration;

use karafka_core::lease::{Departure, Lease as Core, Settlement, Wait};
use karafka_core::trace::Failure;
use karafka_core::workers::Place;
use magnus::{gc, method, prelude::*, DataTypeFunctions, Error, RModule, Ruby, Symbol, TypedData, Value};

pub mod memory;
pub mod messages;
mod offsets;

use crate::helpers::class;
use memory::{collect_if_due, gc_adjust};

#[derive(TypedData)]
#[magnus(class = "Karafka::Native::Lease", free_immediately, size)]
pub struct Lease {
    pub core: Core,
    /// The size that the garbage collector knows.
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

    fn ack(&self) -> bool {
        self.core.settle(Settlement::Ack).is_some()
    }

    fn release(&self) -> bool {
        self.core.settle(Settlement::Release).is_some()
    }

    fn nack(ruby: &Ruby, rb_self: &Self) -> Value {
        rb_self.again(
            ruby,
            Settlement::Retry {
                wait: Wait::BackOff,
                alone: false,
            },
        )
    }

    /// `delay_ms` nil: the back-off; below 0: until it is resumed.
    fn retry(ruby: &Ruby, rb_self: &Self, delay_ms: Option<i64>, alone: bool) -> Value {
        let wait = match delay_ms.map(u64::try_from) {
            None => Wait::BackOff,
            Some(Ok(delay_ms)) => Wait::For(Duration::from_millis(delay_ms)),
            Some(Err(_)) => Wait::UntilResumed,
        };
        rb_self.again(ruby, Settlement::Retry { wait, alone })
    }

    fn untried(ruby: &Ruby, rb_self: &Self, times: u32) -> Value {
        rb_self.again(ruby, Settlement::Untried { times })
    }

    /// Milliseconds until it comes again; false: the partition was lost.
    fn again(&self, ruby: &Ruby, settlement: Settlement) -> Value {
        match self.core.settle(settlement) {
            Some(delay) => ruby
                .integer_from_u64(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
                .as_value(),
            None => ruby.qfalse().as_value(),
        }
    }

    fn skip_message(&self, offset: i64, mark: bool) -> bool {
        self.core.settle(Settlement::SkipMessage { offset, mark }).is_some()
    }

    /// Once for each consumer instance.
    fn set_place(&self, class: String, file: Option<String>, line: Option<u32>) {
        self.core.set_place(Place { class, file, line });
    }

    /// Where its span is, as the value of a header; nil while tracing is off.
    fn trace_context(ruby: &Ruby, rb_self: &Self) -> Option<magnus::RString> {
        let context = rb_self.core.trace()?;
        Some(ruby.str_from_slice(&context.header()))
    }

    /// Once for each batch that fails while tracing is on.
    fn trace_failure(&self, kind: String, message: String) {
        self.core.trace_failure(Failure { kind, message });
    }

    /// Once for each message that leaves: `kind` as in Failures::Counters.
    fn departed(&self, kind: Symbol) -> Result<(), Error> {
        match &*kind.name()? {
            "dispatched" => self.core.departed(Departure::DeadLetter),
            "moved" => self.core.departed(Departure::RetryTopic),
            _ => self.core.departed(Departure::Skipped),
        }
        Ok(())
    }

    fn unmarked_index(&self) -> Option<usize> {
        self.core.unmarked_index()
    }

    fn is_settled(&self) -> bool {
        self.core.is_settled()
    }

    fn is_ending(&self) -> bool {
        self.core.partition().is_ending()
    }

    fn is_revoked(&self) -> bool {
        !self.core.partition().is_alive()
    }

    fn attempt(&self) -> u32 {
        self.core.attempt()
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<Lease>(ruby, native, "Lease")?;
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
    class.define_method("untried", method!(Lease::untried, 1))?;
    class.define_method("skip_message", method!(Lease::skip_message, 2))?;
    class.define_method("set_place", method!(Lease::set_place, 3))?;
    class.define_method("departed", method!(Lease::departed, 1))?;
    class.define_method("trace_context", method!(Lease::trace_context, 0))?;
    class.define_method("trace_failure", method!(Lease::trace_failure, 2))?;
    class.define_method("unmarked_index", method!(Lease::unmarked_index, 0))?;
    class.define_method("settled?", method!(Lease::is_settled, 0))?;
    class.define_method("revoked?", method!(Lease::is_revoked, 0))?;
    class.define_method("ending?", method!(Lease::is_ending, 0))?;
    class.define_method("attempt", method!(Lease::attempt, 0))?;
    offsets::define(class)?;
    messages::define!(class, Lease);
    Ok(())
}
