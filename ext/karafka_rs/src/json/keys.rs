//! Interned object keys, as `JSON.parse` gives them, through a small cache in front of Ruby's table of strings.

use std::ffi::c_long;

use magnus::{rb_sys::AsRawValue, rb_sys::FromRawValue, value::Lazy, RArray, RString, Ruby, Value};

/// A power of two. The records of one stream share a few dozen names; two that meet in one slot only cost time.
const SLOTS: usize = 1024;
/// Longer keys stay out, so that the cache never holds more than some hundred kilobytes.
const LONGEST: usize = 64;

// The strings live in this one Array, which Ruby marks and never moves. A replaced string has no other owner here:
// Ruby collects it once the documents that use it are gone.
static CACHE: Lazy<RArray> = Lazy::new(|ruby| {
    let cache = ruby.ary_new_capa(SLOTS);
    // SAFETY: a new Array of our own. Storing nil in the last slot makes all the slots before it nil.
    unsafe { rb_sys::rb_ary_store(cache.as_raw(), SLOTS as c_long - 1, ruby.qnil().as_raw()) };
    cache
});

#[derive(Clone, Copy)]
pub struct Keys {
    cache: RArray,
}

impl Keys {
    pub fn new(ruby: &Ruby) -> Self {
        Keys {
            cache: ruby.get_inner(&CACHE),
        }
    }

    /// The frozen String of this name that the whole process shares.
    pub fn get(self, name: &str) -> Value {
        if name.len() > LONGEST {
            return intern(name);
        }
        let slot = slot(name.as_bytes());
        // SAFETY: reads an Array; answers nil when out of bounds.
        let cached = unsafe { Value::from_raw(rb_sys::rb_ary_entry(self.cache.as_raw(), slot)) };
        if let Some(string) = RString::from_value(cached) {
            // SAFETY: only looked at; nothing of Ruby runs meanwhile.
            if unsafe { string.as_slice() } == name.as_bytes() {
                return cached;
            }
        }
        let fresh = intern(name);
        // SAFETY: our own Array, not frozen, long enough; the call has Ruby's write barrier.
        unsafe { rb_sys::rb_ary_store(self.cache.as_raw(), slot, fresh.as_raw()) };
        fresh
    }
}

fn intern(name: &str) -> Value {
    // SAFETY: pointer and length of one slice, which Ruby copies where it does not know the name yet.
    unsafe {
        let encoding = rb_sys::rb_utf8_encoding();
        Value::from_raw(rb_sys::rb_enc_interned_str(
            name.as_ptr().cast(),
            name.len() as c_long,
            encoding,
        ))
    }
}

// Only spreads; names that collide on purpose just miss the cache.
fn slot(name: &[u8]) -> c_long {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = name.len() as u64;
    let mut mix = |word: u64| hash = (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let words = name.chunks_exact(8);
    let rest = words.remainder();
    words.for_each(|word| mix(<[u8; 8]>::try_from(word).map_or(0, u64::from_le_bytes)));
    mix(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    // The high bits of a product are the well mixed ones.
    (hash >> (u64::BITS - SLOTS.ilog2())) as c_long
}
