//! The paths that a caller plucks: each document is read once, whatever their number.

use karafka_core::json::{Node as Named, Tree, MOST_NAMES};
use magnus::{Error, RArray, RString, Ruby};

/// The places of a row that take the value.
type Places = Vec<usize>;

/// Made once for a call. Holds no Ruby value.
pub struct Paths {
    tree: Tree<Places>,
    width: usize,
}

pub type Node = Named<Places>;

/// Whether the value here is built as a Ruby object, and names below it looked up in that.
pub fn wanted_whole(node: &Node) -> bool {
    !node.wanted.is_empty() || node.names().len() > MOST_NAMES
}

impl Paths {
    /// Compiles an Array of paths, each an Array of Strings: `[["id"], ["user", "name"]]`.
    pub fn from_ruby(ruby: &Ruby, paths: RArray) -> Result<Paths, Error> {
        let width = paths.len();
        let mut compiled = Paths {
            tree: Tree::default(),
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
        let mut at = Tree::<Places>::ROOT;
        for step in 0..path.len() {
            at = self.tree.child(at, &path.entry::<RString>(step as isize)?.to_string()?);
        }
        self.tree.wanted_mut(at).push(place);
        Ok(())
    }

    pub fn tree(&self) -> &Tree<Places> {
        &self.tree
    }

    /// How many paths there are, so how many places a row has.
    pub fn width(&self) -> usize {
        self.width
    }
}
