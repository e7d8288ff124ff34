//! The paths that a caller plucks, as a tree of names: each document is read once, whatever their number.

use magnus::{Error, RArray, RString, Ruby};

/// What one pass marks as seen in a word.
const MOST_NAMES: usize = 64;

/// Made once for a call. Holds no Ruby value.
pub struct Paths {
    // The root first. A flat list: dropping a tree of boxes would recurse as deep as a caller makes a path long.
    nodes: Vec<Node>,
    width: usize,
}

#[derive(Default)]
pub struct Node {
    children: Vec<(Box<str>, usize)>,
    places: Vec<usize>,
}

impl Node {
    /// The places of a row that take the value found here.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// Whether the value here is built as a Ruby object, and names below it looked up in that.
    pub fn wanted_whole(&self) -> bool {
        !self.places.is_empty() || self.children.len() > MOST_NAMES
    }
}

impl Paths {
    /// Compiles an Array of paths, each an Array of Strings: `[["id"], ["user", "name"]]`.
    pub fn from_ruby(ruby: &Ruby, paths: RArray) -> Result<Paths, Error> {
        let width = paths.len();
        let mut compiled = Paths {
            nodes: vec![Node::default()],
            width,
        };
        for place in 0..width {
            compiled.add(ruby, paths.entry(place as isize)?, place)?;
        }
        if width == 0 {
            return Err(Error::new(
                ruby.exception_arg_error(),
                "no path to pluck was given: name at least one field",
            ));
        }
        Ok(compiled)
    }

    fn add(&mut self, ruby: &Ruby, path: RArray, place: usize) -> Result<(), Error> {
        if path.is_empty() {
            let message = format!("path {place} to pluck is empty: it must name at least one field");
            return Err(Error::new(ruby.exception_arg_error(), message));
        }
        let mut at = 0;
        for step in 0..path.len() {
            at = self.child(at, path.entry::<RString>(step as isize)?.to_string()?);
        }
        self.nodes[at].places.push(place);
        Ok(())
    }

    fn child(&mut self, parent: usize, name: String) -> usize {
        let found = self.nodes[parent].children.iter().find(|(known, _)| **known == *name);
        if let Some((_, index)) = found {
            return *index;
        }
        let index = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[parent].children.push((name.into(), index));
        index
    }

    pub fn root(&self) -> &Node {
        &self.nodes[0]
    }

    pub fn children<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = (&'a str, &'a Node)> {
        node.children.iter().map(|(name, index)| (&**name, &self.nodes[*index]))
    }

    /// How many paths there are, so how many places a row has.
    pub fn width(&self) -> usize {
        self.width
    }
}
