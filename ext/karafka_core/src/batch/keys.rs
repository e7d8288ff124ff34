//! The messages of a run by their keys.

use std::collections::HashMap;

use super::Slice;

impl Slice {
    /// Indexes of the last message of each key, and of all that have none, in order.
    pub fn last_by_key(&self) -> Vec<usize> {
        let mut last: HashMap<&[u8], usize> = HashMap::with_capacity(self.len());
        for index in 0..self.len() {
            if let Some(key) = self.key(index) {
                last.insert(key, index);
            }
        }
        let is_last = |index: &usize| self.key(*index).is_none_or(|key| last.get(key) == Some(index));
        (0..self.len()).filter(is_last).collect()
    }

    /// Indexes by key, keys in the order in which they come first; those without a key are together.
    pub fn groups_by_key(&self) -> Vec<Vec<usize>> {
        let mut places: HashMap<Option<&[u8]>, usize> = HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for index in 0..self.len() {
            let place = *places.entry(self.key(index)).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(index);
        }
        groups
    }
}
