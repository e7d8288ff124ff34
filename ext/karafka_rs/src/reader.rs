//! `Karafka::Native::Reader` and its batches. Crossings: one for each batch.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use karafka_core::admin::{Read, ReadBatch as Core, Reader as CoreReader, ReaderConfig};
use karafka_core::batch::Slice;
use magnus::{function, gc, method, prelude::*, DataTypeFunctions, Error, RModule, Ruby, TypedData, Value};

use crate::helpers::gvl::SIGNALS;
use crate::helpers::{class, errors, gvl};
use crate::lease::memory::{collect_if_due, gc_adjust};
use crate::lease::messages::{self, Source};

#[magnus::wrap(class = "Karafka::Native::Reader", free_immediately)]
struct Reader(RefCell<Option<ManuallyDrop<Arc<CoreReader>>>>);

impl Drop for Reader {
    /// Only hands over, as librdkafka waits for its threads: the garbage collector must not.
    fn drop(&mut self) {
        let Some(core) = self.0.get_mut().take().filter(|core| !core.is_foreign()) else {
            return;
        };
        core.cancel();
        let closing = std::thread::Builder::new().name("krs.reader".to_owned());
        let _left_behind = closing.spawn(move || drop(ManuallyDrop::into_inner(core)));
    }
}

impl Reader {
    /// config: as `karafka_core::admin::ReaderConfig` has it.
    fn new(ruby: &Ruby, config: Value) -> Result<Self, Error> {
        let config: ReaderConfig = serde_magnus::deserialize(ruby, config)?;
        let core = CoreReader::new(config).map_err(|error| errors::raise(ruby, error))?;
        Ok(Reader(RefCell::new(Some(ManuallyDrop::new(Arc::new(core))))))
    }

    /// nil: everything is read, or it was closed.
    fn next_batch(ruby: &Ruby, rb_self: &Self) -> Result<Option<ReadBatch>, Error> {
        let Some(core) = rb_self.0.borrow().as_ref().map(|core| Arc::clone(core)) else {
            return Ok(None);
        };
        gvl::check_interrupts(ruby)?;
        loop {
            match gvl::without_gvl(|| core.next(SIGNALS), || core.wake()) {
                None | Some(Ok(Read::Nothing)) => gvl::check_interrupts(ruby)?,
                Some(Ok(Read::Batch(batch))) => return ReadBatch::new(ruby, batch).map(Some),
                Some(Ok(Read::Done)) => return Ok(None),
                Some(Err(error)) => return Err(errors::raise(ruby, error)),
            }
        }
    }

    /// From any thread: what comes next is the end. Frees nothing, so it may be called while another one waits.
    fn stop(&self) {
        if let Some(core) = self.0.borrow().as_ref() {
            core.cancel();
        }
    }

    fn close(ruby: &Ruby, rb_self: &Self) -> Result<(), Error> {
        let Some(core) = rb_self.0.borrow_mut().take().filter(|core| !core.is_foreign()) else {
            return Ok(());
        };
        core.cancel();
        gvl::interruptible(ruby, move || {
            drop(ManuallyDrop::into_inner(core));
            Ok(())
        })
    }
}

/// Messages of one partition, read when they are touched.
#[derive(TypedData)]
#[magnus(class = "Karafka::Native::ReadBatch", free_immediately, size)]
struct ReadBatch {
    core: Core,
    /// The size that the garbage collector knows.
    memory_bytes: usize,
}

impl DataTypeFunctions for ReadBatch {
    fn size(&self) -> usize {
        std::mem::size_of::<Self>() + self.memory_bytes
    }
}

impl Drop for ReadBatch {
    fn drop(&mut self) {
        gc_adjust(-(self.memory_bytes as isize));
    }
}

impl Source for ReadBatch {
    fn slice(&self) -> &Slice {
        &self.core.messages
    }

    fn high_watermark(&self) -> i64 {
        -1
    }
}

impl ReadBatch {
    fn new(ruby: &Ruby, core: Core) -> Result<Self, Error> {
        collect_if_due(ruby)?;
        let memory_bytes = core.messages.memory_bytes();
        gc_adjust(memory_bytes as isize);
        Ok(ReadBatch { core, memory_bytes })
    }

    fn topic(ruby: &Ruby, rb_self: &Self) -> Value {
        ruby.str_new(&rb_self.core.topic).to_interned_str().as_value()
    }

    fn partition(&self) -> i32 {
        self.core.partition
    }

    fn attempt(&self) -> u32 {
        1
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<Reader>(ruby, native, "Reader")?;
    class.define_singleton_method("new", function!(Reader::new, 1))?;
    class.define_method("next_batch", method!(Reader::next_batch, 0))?;
    class.define_method("stop", method!(Reader::stop, 0))?;
    class.define_method("close", method!(Reader::close, 0))?;
    let class = class::define::<ReadBatch>(ruby, native, "ReadBatch")?;
    gc::register_mark_object(class);
    class.define_method("topic", method!(ReadBatch::topic, 0))?;
    class.define_method("partition", method!(ReadBatch::partition, 0))?;
    class.define_method("attempt", method!(ReadBatch::attempt, 0))?;
    messages::define!(class, ReadBatch);
    Ok(())
}
