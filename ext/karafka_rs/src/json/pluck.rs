//! Single fields out of many documents: one pass over each, Ruby objects only for what was asked for.

use std::fmt;

use magnus::{prelude::*, rb_sys::AsRawValue, Error, RArray, RHash, Ruby, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::build::Build;
use super::paths::{Node, Paths};
use super::{parse_in_ruby, screen};

/// A document could not be decoded: the error that `JSON.parse` raises, and which one of the documents it was.
pub struct PluckError {
    pub index: usize,
    pub error: Error,
}

impl From<PluckError> for Error {
    fn from(failure: PluckError) -> Error {
        failure.error
    }
}

/// One path: its value of each document. Several: an Array for each document. nil stands for a document that is
/// not there, and for a path that leads nowhere or through something that is not an object.
pub fn pluck<'d>(
    ruby: &Ruby,
    docs: impl Iterator<Item = Option<&'d [u8]>>,
    paths: &Paths,
) -> Result<RArray, PluckError> {
    let result = ruby.ary_new_capa(docs.size_hint().0);
    let build = Build::new(ruby);
    for (index, doc) in docs.enumerate() {
        let row = if paths.width() == 1 {
            Row {
                array: result,
                start: index,
            }
        } else {
            let array = ruby.ary_new_capa(paths.width());
            store(result, index, array.as_value());
            Row { array, start: 0 }
        };
        // Storing nil in the last place makes the places before it nil.
        row.set(paths.width() - 1, ruby.qnil().as_value());
        if let Some(bytes) = doc {
            fill(
                Walk {
                    build,
                    paths,
                    row,
                    node: paths.root(),
                },
                bytes,
            )
            .map_err(|error| PluckError { index, error })?;
        }
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
    let text = screen::ordinary(bytes)?;
    if screen::too_deep(bytes) {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    // No error is lost here: Ruby's parser meets the same document and speaks for itself.
    walk.deserialize(&mut reader).ok()?;
    reader.end().ok()
}

/// Where the values of one document go: `start` and the places after it.
#[derive(Clone, Copy)]
struct Row {
    array: RArray,
    start: usize,
}

impl Row {
    fn set(self, place: usize, value: Value) {
        store(self.array, self.start + place, value);
    }
}

fn store(array: RArray, index: usize, value: Value) {
    // SAFETY: an Array of our own, not frozen; the call has Ruby's write barrier.
    unsafe { rb_sys::rb_ary_store(array.as_raw(), index as i64, value.as_raw()) };
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
        self.node.places().iter().for_each(|place| self.row.set(*place, value));
    }

    /// The same over Ruby objects. No deeper than they are nested, which JSON.parse has bounded.
    fn dig(self, value: Value) {
        self.keep(value);
        let Some(hash) = RHash::from_value(value) else { return };
        for (name, child) in self.paths.children(self.node) {
            let name = self.build.ruby().str_new(name);
            if let Some(found) = hash.get(name) {
                self.to(child).dig(found);
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        if self.node.wanted_whole() {
            let value = self.build.deserialize(from)?;
            self.dig(value);
            return Ok(());
        }
        from.deserialize_any(self)
    }
}

// What is not an object holds no names: it is read to its end, and its places stay nil.
impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = 0_u64;
        while let Some(wanted) = entries.next_key_seed(Wanted {
            paths: self.paths,
            node: self.node,
        })? {
            let Some((position, child)) = wanted else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            // The last one wins, with all that is below it: left to Ruby, like every duplicate key.
            if seen & 1 << position != 0 {
                return Err(A::Error::custom("a duplicate key"));
            }
            seen |= 1 << position;
            entries.next_value_seed(self.to(child))?;
        }
        Ok(())
    }
}

struct Wanted<'a> {
    paths: &'a Paths,
    node: &'a Node,
}

impl<'de, 'a> DeserializeSeed<'de> for Wanted<'a> {
    type Value = Option<(usize, &'a Node)>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Wanted<'a> {
    type Value = Option<(usize, &'a Node)>;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let children = self.paths.children(self.node).enumerate();
        Ok(children
            .filter(|(_, (wanted, _))| *wanted == name)
            .map(|(position, (_, child))| (position, child))
            .next())
    }
}
