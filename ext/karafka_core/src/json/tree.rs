//! Paths of names as a tree: a document is read once, whatever their number.

use super::Names;

/// A node for each name of a path, the root first. A flat list: dropping a tree of boxes would recurse as deep as a caller
/// makes a path long.
#[derive(Debug)]
pub struct Tree<T> {
    nodes: Vec<Node<T>>,
}

#[derive(Debug, Default)]
pub struct Node<T> {
    /// What is wanted of the value found here.
    pub wanted: T,
    /// What is wanted of it if it is an object, and the node of each name.
    names: Names,
    children: Vec<usize>,
}

impl<T> Node<T> {
    pub fn names(&self) -> &Names {
        &self.names
    }
}

impl<T: Default> Default for Tree<T> {
    fn default() -> Self {
        Tree {
            nodes: vec![Node::default()],
        }
    }
}

impl<T: Default> Tree<T> {
    /// Where every path begins.
    pub const ROOT: usize = 0;

    /// The node of a name below another one, made where it is not supported yet.
    pub fn child(&mut self, parent: usize, name: &str) -> usize {
        let position = self.nodes[parent].names.add(name);
        if let Some(known) = self.nodes[parent].children.get(position) {
            return *known;
        }
        let index = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[parent].children.push(index);
        index
    }

    pub fn wanted_mut(&mut self, node: usize) -> &mut T {
        &mut self.nodes[node].wanted
    }
}

impl<T> Tree<T> {
    pub fn root(&self) -> &Node<T> {
        &self.nodes[0]
    }

    /// The node of the name at this position.
    pub fn child_at(&self, node: &Node<T>, position: usize) -> &Node<T> {
        &self.nodes[node.children[position]]
    }

    pub fn children<'a>(&'a self, node: &'a Node<T>) -> impl Iterator<Item = (&'a str, &'a Node<T>)> {
        let children = node.children.iter().map(|index| &self.nodes[*index]);
        node.names.iter().zip(children)
    }
}
