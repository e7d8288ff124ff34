//! What this process knows of topics, over all of its clients: a name is no identity.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::sync::Mutex;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// None: not known, or the brokers are older than Kafka 2.8.
    pub id: Option<Arc<str>>,
    pub partitions: i32,
    /// It came into being while this process looked on. So nothing of it is from before.
    pub appeared: bool,
    /// The ids of topics that had this name before.
    pub gone: Vec<Arc<str>>,
}

/// The brokers' addresses and the topic's name.
type Key = (Arc<str>, Arc<str>);

/// None: it is missing.
#[derive(Debug, Default)]
pub struct KnownTopics(Mutex<HashMap<Key, Option<Known>>>);

impl KnownTopics {
    pub fn find(&self, brokers: &Arc<str>, topic: &Arc<str>) -> Option<Known> {
        self.0.lock().get(&(brokers.clone(), topic.clone())).cloned().flatten()
    }

    /// It is missing.
    pub fn missing(&self, brokers: &Arc<str>, topic: &Arc<str>) {
        let mut known = self.0.lock();
        // What was deleted is remembered, to be compared with what comes in its place.
        known.entry((brokers.clone(), topic.clone())).or_insert(None);
    }

    /// It exists; `is_new`: it did not when this process began. False: that is a topic which is known to be gone. An id never
    /// comes back, so whoever says so has not heard of the new one yet.
    pub fn note(
        &self,
        brokers: &Arc<str>,
        topic: &Arc<str>,
        id: Option<Arc<str>>,
        partitions: i32,
        is_new: bool,
    ) -> bool {
        let mut known = self.0.lock();
        match known.entry((brokers.clone(), topic.clone())).or_insert_with(|| {
            Some(Known {
                appeared: is_new,
                ..Known::default()
            })
        }) {
            Some(before) => {
                if id.as_ref().is_some_and(|id| before.gone.contains(id)) {
                    return false;
                }
                if differ(&before.id, &id) {
                    before.appeared = true;
                    before.gone.extend(before.id.take());
                }
                before.id = id.or(before.id.take());
                before.partitions = partitions;
            }
            missing => {
                *missing = Some(Known {
                    id,
                    partitions,
                    appeared: true,
                    gone: Vec::new(),
                })
            }
        }
        true
    }
}

/// Both are known, and they are not the same.
pub fn differ(one: &Option<Arc<str>>, other: &Option<Arc<str>>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_appears_when_it_was_missing_or_was_another_one() {
        let known = KnownTopics::default();
        let brokers: Arc<str> = Arc::from("b:1");
        let name = |text: &str| Arc::<str>::from(text);
        let id = |text: &str| Some(Arc::<str>::from(text));
        let note = |topic: &str, given: Option<Arc<str>>, is_new| known.note(&brokers, &name(topic), given, 3, is_new);
        let appeared = |topic: &str| known.find(&brokers, &name(topic)).map(|known| known.appeared);
        note("old", id("a"), false);
        note("old", None, false);
        note("old", id("a"), true);
        assert_eq!(appeared("old"), Some(false));
        known.missing(&brokers, &name("old"));
        note("old", id("b"), false);
        assert_eq!(appeared("old"), Some(true));
        assert!(!note("old", id("a"), false), "a broker that is behind");
        assert_eq!(known.find(&brokers, &name("old")).and_then(|known| known.id), id("b"));
        known.missing(&brokers, &name("late"));
        assert_eq!(appeared("late"), None);
        note("late", None, false);
        assert_eq!(appeared("late"), Some(true));
        note("matched", id("c"), true);
        assert_eq!(appeared("matched"), Some(true));
        assert_eq!(known.find(&Arc::from("other:1"), &name("old")), None);
    }
}
