//! Builds Ruby objects while a document is read, without a tree in between.

use std::ffi::c_long;

use magnus::{prelude::*, rb_sys::AsRawValue, RArray, RHash, Ruby, Value};

use super::keys::Keys;
use karafka_core::json::{Number, Reader};

/// Values gathered on the stack before Ruby gets them in one call: most records fit, and a hundred levels of
/// nesting stay far below the stack of a Ruby thread or fiber.
const GATHER: usize = 32;

#[derive(Clone, Copy)]
pub struct Build<'r> {
    ruby: &'r Ruby,
    keys: Keys,
}

impl<'r> Build<'r> {
    pub fn new(ruby: &'r Ruby) -> Self {
        Build {
            ruby,
            keys: Keys::new(ruby),
        }
    }

    pub fn ruby(self) -> &'r Ruby {
        self.ruby
    }

    /// The value that `reader` is at. None where it is not ordinary; what was built until then is garbage.
    pub fn value(self, reader: &mut Reader) -> Option<Value> {
        match reader.peek()? {
            b'"' => Some(self.ruby.str_new(&reader.string()?).as_value()),
            b'{' => self.object(reader),
            b'[' => self.array(reader),
            b't' => reader.word("true").map(|()| self.ruby.qtrue().as_value()),
            b'f' => reader.word("false").map(|()| self.ruby.qfalse().as_value()),
            b'n' => reader.word("null").map(|()| self.ruby.qnil().as_value()),
            _ => self.number(reader.number()?),
        }
    }

    fn number(self, number: Number) -> Option<Value> {
        match number {
            Number::Float(value) => Some(self.ruby.float_from_f64(value).as_value()),
            Number::Integer {
                negative: false,
                magnitude,
            } => Some(self.ruby.integer_from_u64(magnitude).as_value()),
            Number::Integer {
                negative: true,
                magnitude,
            } => {
                let magnitude = i64::try_from(magnitude).ok()?;
                Some(self.ruby.integer_from_i64(-magnitude).as_value())
            }
        }
    }

    fn array(self, reader: &mut Reader) -> Option<Value> {
        let mut gathered = self.gather();
        let mut count = 0;
        let mut array: Option<RArray> = None;
        reader.array(|reader| {
            if count == GATHER {
                append(*array.get_or_insert_with(|| self.ruby.ary_new()), &gathered);
                count = 0;
            }
            gathered[count] = self.value(reader)?;
            count += 1;
            Some(())
        })?;
        let Some(array) = array else {
            return Some(self.ruby.ary_new_from_values(&gathered[..count]).as_value());
        };
        append(array, &gathered[..count]);
        Some(array.as_value())
    }

    fn object(self, reader: &mut Reader) -> Option<Value> {
        let mut hash: Option<RHash> = None;
        let mut gathered = self.gather();
        let (mut count, mut total) = (0, 0);
        reader.object(|reader, name| {
            if count == GATHER {
                insert(*hash.get_or_insert_with(|| self.ruby.hash_new()), &gathered);
                count = 0;
            }
            // In its place before the value is built, which may run the GC.
            gathered[count] = self.keys.get(&name);
            gathered[count + 1] = self.value(reader)?;
            count += 2;
            total += 1;
            Some(())
        })?;
        let hash = hash.unwrap_or_else(|| sized(self.ruby, count / 2));
        insert(hash, &gathered[..count]);
        // A key came twice: versions of json differ in what they say about it.
        (hash.len() == total).then(|| hash.as_value())
    }

    // nil where nothing is gathered yet: the GC only ever sees real values.
    fn gather(self) -> [Value; GATHER] {
        [self.ruby.qnil().as_value(); GATHER]
    }
}

#[cfg(ruby_gte_3_2)]
fn sized(ruby: &Ruby, pairs: usize) -> RHash {
    ruby.hash_new_capa(pairs)
}

// Ruby 3.1 has no public way to say how large a Hash will be.
#[cfg(not(ruby_gte_3_2))]
fn sized(ruby: &Ruby, _: usize) -> RHash {
    ruby.hash_new()
}

fn append(array: RArray, values: &[Value]) {
    // SAFETY: Value is a transparent VALUE; the Array is new, ours and not frozen; Ruby copies the values.
    unsafe { rb_sys::rb_ary_cat(array.as_raw(), values.as_ptr().cast(), values.len() as c_long) };
}

fn insert(hash: RHash, pairs: &[Value]) {
    // SAFETY: as above, for a Hash; keys and values alternate, and keys are Strings, whose hashing runs no Ruby code.
    unsafe { rb_sys::rb_hash_bulk_insert(pairs.len() as c_long, pairs.as_ptr().cast(), hash.as_raw()) };
}
