//! What the caller wants to know, and by when.

use std::time::{Duration, Instant};

use super::advice;
use crate::error::{Error, KafkaError};

/// One request of the caller's, which may take several questions.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// For errors: "creating a topic".
    pub operation: &'static str,
    pub within: Duration,
    pub begun: Instant,
}

impl Call {
    pub fn new(operation: &'static str, within: Duration) -> Self {
        Call {
            operation,
            within,
            begun: Instant::now(),
        }
    }

    /// A part of it, which takes no longer than that.
    pub fn part(&self, limit: Duration) -> Self {
        Call::new(self.operation, self.left().min(limit))
    }

    pub fn left(&self) -> Duration {
        self.within.saturating_sub(self.begun.elapsed())
    }

    pub fn left_ms(&self) -> i32 {
        i32::try_from(self.left().as_millis())
            .unwrap_or(i32::MAX)
            .clamp(1, 3_600_000)
    }

    /// The error of a request, with what can be done about it.
    pub fn failed(&self, error: KafkaError) -> Error {
        Error::Kafka {
            operation: self.operation,
            source: Box::new(advice::added(error)),
        }
    }
}
