//! A lease's messages, read when they are touched.

use magnus::{method, prelude::*, Error, RArray, RClass, RHash, RString, Ruby, Value};

use super::Lease;
use crate::json;

impl Lease {
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

fn utf8(ruby: &Ruby, bytes: &[u8]) -> RString {
    ruby.enc_str_new(bytes, ruby.utf8_encoding())
}

pub fn define(class: RClass) -> Result<(), Error> {
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
