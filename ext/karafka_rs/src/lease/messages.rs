//! The messages of a lease, and of whatever else has some, read when they are touched.

use karafka_core::batch::Slice;
use magnus::{prelude::*, Error, RArray, RHash, RString, Ruby, TypedData, Value};

use super::Lease;
use crate::json;

/// What has messages: a lease, or a batch that was read without a group.
pub trait Source: TypedData + 'static {
    fn slice(&self) -> &Slice;

    /// -1: unknown.
    fn high_watermark(&self) -> i64;
}

impl Source for Lease {
    fn slice(&self) -> &Slice {
        self.core.messages()
    }

    fn high_watermark(&self) -> i64 {
        self.core.high_watermark()
    }
}

pub fn size<T: Source>(rb_self: &T) -> usize {
    rb_self.slice().len()
}

pub fn bytesize<T: Source>(rb_self: &T) -> usize {
    rb_self.slice().data_bytes()
}

pub fn received_at_ms<T: Source>(rb_self: &T) -> i64 {
    rb_self.slice().batch().received_at_ms()
}

pub fn high_watermark<T: Source>(rb_self: &T) -> i64 {
    rb_self.high_watermark()
}

pub fn offset<T: Source>(ruby: &Ruby, rb_self: &T, index: usize) -> Result<i64, Error> {
    rb_self
        .slice()
        .offset(index)
        .ok_or_else(|| out_of_range(ruby, rb_self, index))
}

pub fn timestamp_ms<T: Source>(ruby: &Ruby, rb_self: &T, index: usize) -> Result<i64, Error> {
    rb_self
        .slice()
        .timestamp_ms(index)
        .ok_or_else(|| out_of_range(ruby, rb_self, index))
}

pub fn raw_payload<T: Source>(ruby: &Ruby, rb_self: &T, index: usize) -> Result<Option<RString>, Error> {
    check(ruby, rb_self, index)?;
    Ok(rb_self.slice().payload(index).map(|bytes| utf8(ruby, bytes)))
}

pub fn raw_key<T: Source>(ruby: &Ruby, rb_self: &T, index: usize) -> Result<Option<RString>, Error> {
    check(ruby, rb_self, index)?;
    Ok(rb_self.slice().key(index).map(|bytes| utf8(ruby, bytes)))
}

pub fn raw_headers<T: Source>(ruby: &Ruby, rb_self: &T, index: usize) -> Result<RHash, Error> {
    check(ruby, rb_self, index)?;
    let hash = ruby.hash_new();
    for (name, value) in rb_self.slice().headers(index) {
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

/// [[name, value], …] in the order in which they came.
pub fn raw_header_pairs<T: Source>(ruby: &Ruby, rb_self: &T, index: usize) -> Result<RArray, Error> {
    check(ruby, rb_self, index)?;
    let pairs = ruby.ary_new();
    for (name, value) in rb_self.slice().headers(index) {
        let value: Value = value.map_or(ruby.qnil().as_value(), |bytes| utf8(ruby, bytes).as_value());
        pairs.push(ruby.ary_new_from_values(&[utf8(ruby, name).as_value(), value]))?;
    }
    Ok(pairs)
}

pub fn last_by_key<T: Source>(rb_self: &T) -> Vec<usize> {
    rb_self.slice().last_by_key()
}

pub fn groups_by_key<T: Source>(rb_self: &T) -> Vec<Vec<usize>> {
    rb_self.slice().groups_by_key()
}

pub fn offsets<T: Source>(ruby: &Ruby, rb_self: &T) -> Result<RArray, Error> {
    let messages = rb_self.slice();
    let list = ruby.ary_new_capa(messages.len());
    for index in 0..messages.len() {
        list.push(messages.offset(index))?;
    }
    Ok(list)
}

pub fn raw_payloads<T: Source>(ruby: &Ruby, rb_self: &T) -> Result<RArray, Error> {
    let messages = rb_self.slice();
    let list = ruby.ary_new_capa(messages.len());
    for index in 0..messages.len() {
        list.push(messages.payload(index).map(|bytes| utf8(ruby, bytes)))?;
    }
    Ok(list)
}

/// All payloads, each with a line end behind it; nothing for a null.
pub fn raw_lines<T: Source>(ruby: &Ruby, rb_self: &T) -> RString {
    let messages = rb_self.slice();
    let lines = ruby.str_buf_new(messages.data_bytes() + messages.len());
    for index in 0..messages.len() {
        lines.cat(messages.payload(index).unwrap_or_default());
        lines.cat(b"\n");
    }
    lines
}

pub fn json<T: Source>(ruby: &Ruby, rb_self: &T, index: usize) -> Result<Value, Error> {
    check(ruby, rb_self, index)?;
    json::parse(ruby, rb_self.slice().payload(index).unwrap_or_default())
}

/// Fields of all messages in one crossing, without the objects around them.
pub fn pluck<T: Source>(ruby: &Ruby, rb_self: &T, paths: RArray) -> Result<RArray, Error> {
    let paths = json::Paths::from_ruby(ruby, paths)?;
    let messages = rb_self.slice();
    let documents = (0..messages.len()).map(|index| messages.payload(index));
    Ok(json::pluck(ruby, documents, &paths)?)
}

fn check<T: Source>(ruby: &Ruby, rb_self: &T, index: usize) -> Result<(), Error> {
    if index < rb_self.slice().len() {
        return Ok(());
    }
    Err(out_of_range(ruby, rb_self, index))
}

fn out_of_range<T: Source>(ruby: &Ruby, rb_self: &T, index: usize) -> Error {
    let message = format!(
        "index {index} is out of range: the batch has {} messages",
        rb_self.slice().len()
    );
    Error::new(ruby.exception_index_error(), message)
}

fn utf8(ruby: &Ruby, bytes: &[u8]) -> RString {
    ruby.enc_str_new(bytes, ruby.utf8_encoding())
}

/// Defines the methods of the messages on `$class`, whose objects are `$of`: a macro, since `method!` takes no generic parameter.
macro_rules! define {
    ($class:expr, $of:ty) => {{
        use $crate::lease::messages;
        $class.define_method("size", magnus::method!(messages::size::<$of>, 0))?;
        $class.define_method("bytesize", magnus::method!(messages::bytesize::<$of>, 0))?;
        $class.define_method("received_at_ms", magnus::method!(messages::received_at_ms::<$of>, 0))?;
        $class.define_method("high_watermark", magnus::method!(messages::high_watermark::<$of>, 0))?;
        $class.define_method("offset", magnus::method!(messages::offset::<$of>, 1))?;
        $class.define_method("timestamp_ms", magnus::method!(messages::timestamp_ms::<$of>, 1))?;
        $class.define_method("raw_payload", magnus::method!(messages::raw_payload::<$of>, 1))?;
        $class.define_method("raw_key", magnus::method!(messages::raw_key::<$of>, 1))?;
        $class.define_method("raw_headers", magnus::method!(messages::raw_headers::<$of>, 1))?;
        $class.define_method(
            "raw_header_pairs",
            magnus::method!(messages::raw_header_pairs::<$of>, 1),
        )?;
        $class.define_method("last_by_key", magnus::method!(messages::last_by_key::<$of>, 0))?;
        $class.define_method("groups_by_key", magnus::method!(messages::groups_by_key::<$of>, 0))?;
        $class.define_method("offsets", magnus::method!(messages::offsets::<$of>, 0))?;
        $class.define_method("raw_payloads", magnus::method!(messages::raw_payloads::<$of>, 0))?;
        $class.define_method("raw_lines", magnus::method!(messages::raw_lines::<$of>, 0))?;
        $class.define_method("json", magnus::method!(messages::json::<$of>, 1))?;
        $class.define_method("pluck", magnus::method!(messages::pluck::<$of>, 1))?;
    }};
}
pub(crate) use define;
