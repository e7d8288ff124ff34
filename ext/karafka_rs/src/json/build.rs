//! serde visitors that build Ruby objects while serde_json reads, without a tree in between.

use std::fmt;

use magnus::{prelude::*, rb_sys::AsRawValue, RArray, RHash, Ruby, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::keys::Keys;
use super::screen::MAX_DEPTH;

/// Values gathered on the stack before Ruby gets them in one call: most records fit, and a hundred levels of
/// nesting stay far below the stack of a Ruby thread or fiber.
const GATHER: usize = 32;

/// From here on a number may have been an integer too big for 64 bits; serde_json does not tell them apart.
const INTEGER_EDGE: f64 = 9_223_372_036_854_775_808.0;

/// Builds one value. Its errors only say "not ordinary": Ruby's parser then reads the document.
#[derive(Clone, Copy)]
pub struct Build<'r> {
    ruby: &'r Ruby,
    keys: Keys,
    depth: usize,
}

impl<'r> Build<'r> {
    pub fn new(ruby: &'r Ruby) -> Self {
        Build {
            ruby,
            keys: Keys::new(ruby),
            depth: 0,
        }
    }

    pub fn ruby(self) -> &'r Ruby {
        self.ruby
    }

    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("deep nesting"));
        }
        Ok(Build {
            depth: self.depth + 1,
            ..self
        })
    }

    // nil where nothing is gathered yet: the GC only ever sees real values.
    fn gather(self) -> [Value; GATHER] {
        [self.ruby.qnil().as_value(); GATHER]
    }
}

impl<'de> DeserializeSeed<'de> for Build<'_> {
    type Value = Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Build<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(self.ruby.qnil().as_value())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(if value {
            self.ruby.qtrue().as_value()
        } else {
            self.ruby.qfalse().as_value()
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(self.ruby.integer_from_i64(value).as_value())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(self.ruby.integer_from_u64(value).as_value())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // "-0" is the Integer 0 in Ruby but reaches us as -0.0; and Ruby warns about what rounds to a subnormal.
        let zero = value == 0.0 && value.is_sign_positive();
        if !(zero || value.is_normal() && value.abs() < INTEGER_EDGE) {
            return Err(E::custom("a number at the edge"));
        }
        Ok(self.ruby.float_from_f64(value).as_value())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(self.ruby.str_new(value).as_value())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut gathered = self.gather();
        let mut count = 0;
        let mut array: Option<RArray> = None;
        while let Some(value) = items.next_element_seed(inside)? {
            if count == GATHER {
                append(*array.get_or_insert_with(|| self.ruby.ary_new()), &gathered);
                count = 0;
            }
            gathered[count] = value;
            count += 1;
        }
        let Some(array) = array else {
            return Ok(self.ruby.ary_new_from_values(&gathered[..count]).as_value());
        };
        append(array, &gathered[..count]);
        Ok(array.as_value())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let hash = self.ruby.hash_new();
        let mut gathered = self.gather();
        let (mut count, mut total) = (0, 0);
        while let Some(key) = entries.next_key_seed(Key(self))? {
            if count == GATHER {
                insert(hash, &gathered);
                count = 0;
            }
            // In its place before the value is built, which may run the GC.
            gathered[count] = key;
            gathered[count + 1] = entries.next_value_seed(inside)?;
            count += 2;
            total += 1;
        }
        insert(hash, &gathered[..count]);
        // Versions of json differ in what they say about a key that is there twice.
        if hash.len() != total {
            return Err(A::Error::custom("a duplicate key"));
        }
        Ok(hash.as_value())
    }
}

struct Key<'r>(Build<'r>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Value, E> {
        Ok(self.0.keys.get(name))
    }
}

fn append(array: RArray, values: &[Value]) {
    // SAFETY: Value is a transparent VALUE; the Array is new, ours and not frozen; Ruby copies the values.
    unsafe { rb_sys::rb_ary_cat(array.as_raw(), values.as_ptr().cast(), values.len() as i64) };
}

fn insert(hash: RHash, pairs: &[Value]) {
    // SAFETY: as above, for a Hash; keys and values alternate, and keys are Strings, whose hashing runs no Ruby code.
    unsafe { rb_sys::rb_hash_bulk_insert(pairs.len() as i64, pairs.as_ptr().cast(), hash.as_raw()) };
}
