//! JSON of message payloads into Ruby objects, with the results and errors of Ruby's own `JSON.parse`.
//!
//! Ordinary documents take a fast path that builds the Ruby objects while it reads. Whatever is unusual (an error of
//! any kind, a number at the edge, deep nesting, a duplicate key ...) is handed to `::JSON.parse`, so the installed
//! json version gives the exact result or raises the exact error. The fast path thus only has to be right about what
//! it accepts; spec/unit/native/json_spec.rb compares the two.
//!
//! Ruby values live on the machine stack or in Ruby objects only, where the GC sees them. The Ruby functions that
//! are called without `protect` can fail in one way, NoMemoryError; the objects they touch are ours and not frozen.

mod build;
mod keys;
mod paths;
mod pluck;

use std::ops::Range;

use karafka_core::json::Reader;
use magnus::{function, prelude::*, Error, RArray, RModule, RString, Ruby, Value};

use build::Build;
pub use paths::Paths;
pub use pluck::pluck;

/// What `JSON.parse(string)` gives for these bytes as a UTF-8 String; raises what it raises.
pub fn parse(ruby: &Ruby, bytes: &[u8]) -> Result<Value, Error> {
    match parse_fast(ruby, bytes) {
        Some(value) => Ok(value),
        None => parse_in_ruby(ruby, bytes),
    }
}

fn parse_fast(ruby: &Ruby, bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader::new(bytes)?;
    let value = Build::new(ruby).value(&mut reader)?;
    reader.finish()?;
    Some(value)
}

fn parse_in_ruby(ruby: &Ruby, bytes: &[u8]) -> Result<Value, Error> {
    let json: RModule = ruby.class_object().const_get("JSON")?;
    json.funcall("parse", (ruby.enc_str_new(bytes, ruby.utf8_encoding()),))
}

fn parse_json(ruby: &Ruby, string: RString) -> Result<Value, Error> {
    // SAFETY: `string` is on the stack, so neither collected nor moved; the fast path runs no Ruby code that could
    // change it, and the slow path copies the bytes before it calls into Ruby.
    let bytes = unsafe { string.as_slice() };
    parse(ruby, bytes)
}

fn pluck_json(ruby: &Ruby, strings: RArray, paths: RArray) -> Result<RArray, Error> {
    let paths = Paths::from_ruby(ruby, paths)?;
    let mut arena: Vec<u8> = Vec::new();
    let mut slots: Vec<Option<Range<usize>>> = Vec::with_capacity(strings.len());
    for index in 0..strings.len() {
        let string: Option<RString> = strings.entry(index as isize)?;
        slots.push(string.map(|string| {
            let start = arena.len();
            // SAFETY: the bytes are copied at once; nothing of Ruby runs in between.
            arena.extend_from_slice(unsafe { string.as_slice() });
            start..arena.len()
        }));
    }
    let docs = slots.iter().map(|slot| slot.clone().map(|range| &arena[range]));
    Ok(pluck(ruby, docs, &paths)?)
}

/// `Karafka::Native.parse_json(string)` and `.pluck_json(strings, paths)`: the two without a broker, for specs.
pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    ruby.require("json")?;
    native.define_module_function("parse_json", function!(parse_json, 1))?;
    native.define_module_function("pluck_json", function!(pluck_json, 2))?;
    Ok(())
}
