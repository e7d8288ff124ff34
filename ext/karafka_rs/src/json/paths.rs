//! The paths that a caller plucks, as a tree of names: each document is read once, whatever their number.

use karafka_core::json::{Names, MOST_NAMES};
use magnus::{Error, RArray, RString, Ruby};

/// Made once for a call. Holds no Ruby value.
pub struct Paths {
    // The root first. A flat list: dropping a tree of boxes would recurse as deep as a caller makes a path long.
    nodes: Vec<Node>,
    width: usize,
}

#[derive(Default)]
pub struct Node {
    names: Names,
    children: Vec<usize>,
    places: Vec<usize>,
}

impl Node {
    pub fn names(&self) -> &Names {
        &self.names
    }

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
        let position = self.nodes[parent].names.add(&name);
        if let Some(known) = self.nodes[parent].children.get(position) {
            return *known;
        }
        let index = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[parent].children.push(index);
        index
    }

    pub fn root(&self) -> &Node {
        &self.nodes[0]
    }

    pub fn children<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let children = node.children.iter().map(|index| &self.nodes[*index]);
        node.names.iter().zip(children)
    }

    /// That of the name at this position.
    pub fn child_at(&self, node: &Node, position: usize) -> &Node {
        &self.nodes[node.children[position]]
    }

    /// How many paths there are, so how many places a row has.
    pub fn width(&self) -> usize {
        self.width
    }
}
