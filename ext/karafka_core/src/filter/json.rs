//! Fields of a JSON document, tested in one pass over it.

use super::wanted::{Wanted, WantedConfig};
use crate::error::{Error, Result};
use crate::json::{Node, Reader, Tree, MOST_NAMES};

/// One bit each says which tests have passed.
const MOST_FIELDS: usize = MOST_NAMES;

/// Which test a value has to pass.
type Test = Option<usize>;

/// The wanted fields as a tree: a node for each name of a path.
#[derive(Debug)]
pub(super) struct Fields {
    tree: Tree<Test>,
    tests: Vec<Wanted>,
    /// Those that pass where nothing is found.
    absent: u64,
    all: u64,
}

impl Fields {
    pub fn new(config: &[(Vec<String>, Vec<WantedConfig>)]) -> Result<Self> {
        let refused = |value: String, reason: &str| Error::Config {
            setting: "only json".to_owned(),
            value,
            reason: reason.to_owned(),
        };
        if config.len() > MOST_FIELDS {
            return Err(refused(config.len().to_string(), "has more than 64 fields"));
        }
        let mut fields = Fields {
            tree: Tree::default(),
            tests: Vec::with_capacity(config.len()),
            absent: 0,
            all: u64::MAX.checked_shr(64 - config.len() as u32).unwrap_or(0),
        };
        for (index, (path, values)) in config.iter().enumerate() {
            let node = path
                .iter()
                .fold(Tree::<Test>::ROOT, |node, name| fields.tree.child(node, name));
            let wanted = Wanted::new(values)?;
            fields.absent |= u64::from(wanted.nothing()) << index;
            fields.tests.push(wanted);
            if node == Tree::<Test>::ROOT || fields.tree.wanted_mut(node).replace(index).is_some() {
                return Err(refused(path.join("."), "is not a path, or is given twice"));
            }
        }
        Ok(fields)
    }

    /// A null payload has no fields. What is no ordinary JSON matches: the host reads it and decides.
    pub fn matches(&self, payload: Option<&[u8]>) -> bool {
        let Some(bytes) = payload else {
            return self.absent == self.all;
        };
        self.read(bytes).is_none_or(|passed| passed == self.all)
    }

    fn read(&self, bytes: &[u8]) -> Option<u64> {
        let mut reader = Reader::new(bytes)?;
        let mut passed = self.absent;
        self.value(&mut reader, self.tree.root(), &mut passed)?;
        reader.finish()?;
        Some(passed)
    }

    /// Reads one value and notes what it passes. Not deeper than the wanted paths; the rest is read over.
    fn value(&self, reader: &mut Reader, node: &Node<Test>, passed: &mut u64) -> Option<()> {
        let first = reader.peek()?;
        if let Some(index) = node.wanted {
            let wanted = &self.tests[index];
            let bit = 1 << index;
            *passed &= !bit;
            let passes = match first {
                b'"' => wanted.text(reader.string()?.as_bytes()),
                b't' => reader.word("true").map(|()| wanted.boolean(true))?,
                b'f' => reader.word("false").map(|()| wanted.boolean(false))?,
                b'n' => reader.word("null").map(|()| wanted.nothing())?,
                b'{' => return self.object(reader, node, passed),
                b'[' => return reader.skip(),
                _ => wanted.number(&reader.number()?),
            };
            *passed |= u64::from(passes) << index;
            return Some(());
        }
        if first == b'{' {
            self.object(reader, node, passed)
        } else {
            reader.skip()
        }
    }

    fn object(&self, reader: &mut Reader, node: &Node<Test>, passed: &mut u64) -> Option<()> {
        node.names().object(reader, |reader, position| {
            self.value(reader, self.tree.child_at(node, position), passed)
        })
    }
}
