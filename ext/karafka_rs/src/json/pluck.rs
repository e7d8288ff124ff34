//! Single fields out of many documents: one pass over each, Ruby objects only for what was asked for.

use std::ffi::c_long;

use karafka_core::json::Reader;
use magnus::{prelude::*, rb_sys::AsRawValue, Error, RArray, RHash, RObject, Ruby, Value};

use super::build::Build;
use super::parse_in_ruby;
use super::paths::{wanted_whole, Node, Paths};

/// A document could not be decoded: the error that `JSON.parse` raises, and which one of the documents it was.
pub struct PluckError {
    pub index: usize,
    pub error: Error,
}

impl From<PluckError> for Error {
    /// The exception carries the position as `@index`, so that Ruby can name the message.
    fn from(failure: PluckError) -> Self {
        let raised = failure.error.value().and_then(RObject::from_value);
        let noted = raised.map(|raised| raised.ivar_set("@index", failure.index));
        noted.and_then(Result::err).unwrap_or(failure.error)
    }
}

/// One path: its value of each document. Several: an Array for each document. nil stands for a missing document,
/// and for a path that leads nowhere or through something that is not an object.
pub fn pluck<'d>(
    ruby: &Ruby,
    docs: impl Iterator<Item = Option<&'d [u8]>>,
    paths: &Paths,
) -> Result<RArray, PluckError> {
    let result = ruby.ary_new_capa(docs.size_hint().0);
    let build = Build::new(ruby);
    for (index, doc) in docs.enumerate() {
        let row = if paths.width() == 1 {
            Row::new(result, index)
        } else {
            let array = ruby.ary_new_capa(paths.width());
            store(result, index, array.as_value());
            Row::new(array, 0)
        };
        // Storing nil in the last place makes the places before it nil.
        row.set(paths.width() - 1, ruby.qnil().as_value());
        let Some(bytes) = doc else { continue };
        let node = paths.tree().root();
        let walk = Walk {
            build,
            paths,
            row,
            node,
        };
        fill(walk, bytes).map_err(|error| PluckError { index, error })?;
    }
    Ok(result)
}

fn fill(walk: Walk, bytes: &[u8]) -> Result<(), Error> {
    if fill_fast(walk, bytes).is_some() {
        return Ok(());
    }
    let value = parse_in_ruby(walk.build.ruby(), bytes)?;
    // A pass that was broken off may have left values that do not count: of a key that comes a second time.
    (0..walk.paths.width()).for_each(|place| walk.row.set(place, walk.build.ruby().qnil().as_value()));
    walk.dig(value);
    Ok(())
}

fn fill_fast(walk: Walk, bytes: &[u8]) -> Option<()> {
    let mut reader = Reader::new(bytes)?;
    walk.read(&mut reader)?;
    reader.finish()
}

/// Where the values of one document go: `start` and the places after it.
#[derive(Clone, Copy)]
struct Row {
    array: RArray,
    start: usize,
}

impl Row {
    fn new(array: RArray, start: usize) -> Self {
        Row { array, start }
    }

    fn set(self, place: usize, value: Value) {
        store(self.array, self.start + place, value);
    }
}

fn store(array: RArray, index: usize, value: Value) {
    // SAFETY: an Array of our own, not frozen; the call has Ruby's write barrier.
    unsafe { rb_sys::rb_ary_store(array.as_raw(), index as c_long, value.as_raw()) };
}

/// One object of a document beside the names that are wanted from it.
#[derive(Clone, Copy)]
struct Walk<'a> {
    build: Build<'a>,
    paths: &'a Paths,
    row: Row,
    node: &'a Node,
}

impl<'a> Walk<'a> {
    fn to(self, node: &'a Node) -> Self {
        Walk { node, ..self }
    }

    fn keep(self, value: Value) {
        self.node.wanted.iter().for_each(|place| self.row.set(*place, value));
    }

    /// The same over Ruby objects. No deeper than they are nested, which JSON.parse has bounded.
    fn dig(self, value: Value) {
        self.keep(value);
        let Some(hash) = RHash::from_value(value) else { return };
        for (name, child) in self.paths.tree().children(self.node) {
            let name = self.build.ruby().str_new(name);
            if let Some(found) = hash.get(name) {
                self.to(child).dig(found);
            }
        }
    }

    /// Reads one value and stores what is wanted of it. What is not an object holds no names: its places stay nil.
    fn read(self, reader: &mut Reader) -> Option<()> {
        if wanted_whole(self.node) {
            self.dig(self.build.value(reader)?);
            return Some(());
        }
        if reader.peek()? != b'{' {
            return reader.skip();
        }
        // A name that comes twice: the last wins, with all that is below it. Left to Ruby like every duplicate.
        self.node.names().object(reader, |reader, position| {
            self.to(self.paths.tree().child_at(self.node, position)).read(reader)
        })
    }
}
