//! The memory of batches as the garbage collector knows it, and when it is asked to run for them.

use std::sync::atomic::{AtomicUsize, Ordering};

use karafka_core::batch::held_bytes;
use magnus::{kwargs, prelude::*, Error, RModule, Ruby, Value};

/// Without this the collector sees none of the arenas: a no-op consumer peaked at 282 MB.
pub fn gc_adjust(bytes: isize) {
    if bytes != 0 {
        // SAFETY: only counts; allowed while an object is freed. Leases are made and freed with the GVL held.
        unsafe { rb_sys::rb_gc_adjust_memory_usage(bytes as _) };
    }
}

/// Bytes of batches alive at which the collector is asked to sweep at once.
const COLLECT_ABOVE_BYTES: usize = 16 * 1024 * 1024;
static COLLECT_ABOVE: AtomicUsize = AtomicUsize::new(COLLECT_ABOVE_BYTES);
/// What a young collection may leave.
const LEFT_BYTES: usize = COLLECT_ABOVE_BYTES / 2;
/// How much more is held before the next collection where young ones do not help.
const GROWTH_BYTES: usize = COLLECT_ABOVE_BYTES * 3 / 2;
/// What the last full collection left: consumers need that much.
static NEEDED: AtomicUsize = AtomicUsize::new(0);

/// Ruby sweeps as it allocates, and a consumer that allocates little (no-op, `pluck`) keeps hundreds of megabytes of
/// batches that nobody refers to. So a young collection runs when 16 MB of them are alive.
///
/// It does not find all: what an old consumer refers to while any collection runs counts as old itself, so each of those
/// leaves one batch of each consumer behind. Where many are left a full collection follows. Where many are needed (a thousand
/// consumers refer to their last batches) a young one would find nothing, so only full ones run, and they are dear: not before as much
/// again is held.
pub fn collect_if_due(ruby: &Ruby) -> Result<(), Error> {
    if held_bytes() <= COLLECT_ABOVE.load(Ordering::Relaxed) {
        return Ok(());
    }
    let young = NEEDED.load(Ordering::Relaxed) <= LEFT_BYTES;
    if young {
        collect(ruby, false)?;
    }
    if !young || held_bytes() > LEFT_BYTES {
        collect(ruby, true)?;
        NEEDED.store(held_bytes(), Ordering::Relaxed);
    }
    let needed = NEEDED.load(Ordering::Relaxed);
    let above = if needed <= LEFT_BYTES {
        COLLECT_ABOVE_BYTES
    } else {
        needed + GROWTH_BYTES.max(needed)
    };
    COLLECT_ABOVE.store(above, Ordering::Relaxed);
    Ok(())
}

fn collect(ruby: &Ruby, full: bool) -> Result<(), Error> {
    let gc: RModule = ruby.class_object().const_get("GC")?;
    let options = kwargs!(ruby, "full_mark" => full, "immediate_sweep" => true);
    gc.funcall::<_, _, Value>("start", (options,))?;
    Ok(())
}
