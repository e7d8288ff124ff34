//! Fields of a JSON document, tested in one pass over it.

use super::wanted::{Wanted, WantedConfig};
use crate::error::{Error, Result};
use crate::json::{Names, Reader, MOST_NAMES};

/// One bit each says which tests have passed.
const MOST_FIELDS: usize = MOST_NAMES;

#[derive(Debug, Default)]
struct Node {
    test: Option<usize>,
    /// What is wanted of it if it is an object, and the node of each name.
    names: Names,
    children: Vec<usize>,
}

/// The wanted fields as a tree: a node for each name of a path.
#[derive(Debug)]
pub(super) struct Fields {
    nodes: Vec<Node>,
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
            nodes: vec![Node::default()],
            tests: Vec::with_capacity(config.len()),
            absent: 0,
            all: u64::MAX.checked_shr(64 - config.len() as u32).unwrap_or(0),
        };
        for (index, (path, values)) in config.iter().enumerate() {
            let node = path.iter().fold(0, |node, name| fields.child(node, name));
            let wanted = Wanted::new(values)?;
            fields.absent |= u64::from(wanted.nothing()) << index;
            fields.tests.push(wanted);
            if node == 0 || fields.nodes[node].test.replace(index).is_some() {
                return Err(refused(path.join("."), "is no path, or is there twice"));
            }
        }
        Ok(fields)
    }

    fn child(&mut self, parent: usize, name: &str) -> usize {
        let position = self.nodes[parent].names.add(name);
        if let Some(known) = self.nodes[parent].children.get(position) {
            return *known;
        }
        let index = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[parent].children.push(index);
        index
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
        self.value(&mut reader, &self.nodes[0], &mut passed)?;
        reader.finish()?;
        Some(passed)
    }

    /// Reads one value and notes what it passes. Not deeper than the wanted paths; the rest is read over.
    fn value(&self, reader: &mut Reader, node: &Node, passed: &mut u64) -> Option<()> {
        let first = reader.peek()?;
        if let Some(index) = node.test {
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

    fn object(&self, reader: &mut Reader, node: &Node, passed: &mut u64) -> Option<()> {
        node.names.object(reader, |reader, position| {
            self.value(reader, &self.nodes[node.children[position]], passed)
        })
    }
}
