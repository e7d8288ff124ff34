//! Which topic each message of a call went to: mostly all to the same.

use std::sync::Arc;

use super::super::messages::{Messages, Topic};

/// The topics of the messages.
#[derive(Debug)]
pub(super) enum Topics {
    Same(Arc<Topic>),
    Each(Box<[Arc<Topic>]>),
}

impl Topics {
    pub fn of(messages: &Messages) -> Self {
        match messages.topic(0) {
            Some(topic) if !messages.mixed => Topics::Same(Arc::clone(topic)),
            _ => Topics::Each(
                (0..messages.len())
                    .filter_map(|index| messages.topic(index).cloned())
                    .collect(),
            ),
        }
    }

    pub fn first(&self) -> Option<&Arc<Topic>> {
        match self {
            Topics::Same(topic) => Some(topic),
            Topics::Each(topics) => topics.first(),
        }
    }

    pub fn get(&self, index: usize) -> Option<&Topic> {
        match self {
            Topics::Same(topic) => Some(topic),
            Topics::Each(topics) => topics.get(index).map(|topic| &**topic),
        }
    }
}
