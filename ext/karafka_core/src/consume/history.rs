//! The last rebalances and errors of a group, for people.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::base::sync::Mutex;
use crate::batch::now_ms;
use crate::error::KafkaError;
use crate::metrics::Cause;

const MOST: usize = 20;

#[derive(Debug, Clone, Serialize)]
pub struct PastRebalance {
    pub at_ms: i64,
    pub cause: &'static str,
    pub partitions: usize,
    pub duration_ms: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct PastError {
    pub at_ms: i64,
    pub code: String,
    pub message: String,
    pub fatal: bool,
    pub topic: Option<String>,
    pub partition: Option<i32>,
}

/// Bounded: the oldest ones go.
#[derive(Debug, Default)]
pub(crate) struct History {
    rebalances: Mutex<VecDeque<PastRebalance>>,
    errors: Mutex<VecDeque<PastError>>,
}

impl History {
    pub fn rebalanced(&self, cause: Cause, partitions: usize, duration: Duration) {
        push(
            &self.rebalances,
            PastRebalance {
                at_ms: now_ms(),
                cause: cause.as_str(),
                partitions,
                duration_ms: duration.as_millis() as u64,
            },
        );
    }

    pub fn failed(&self, error: &KafkaError) {
        push(
            &self.errors,
            PastError {
                at_ms: now_ms(),
                code: error.code.clone(),
                message: error.message.clone(),
                fatal: error.fatal,
                topic: error.topic.clone(),
                partition: error.partition,
            },
        );
    }

    /// The newest first.
    pub fn rebalances(&self) -> Vec<PastRebalance> {
        self.rebalances.lock().iter().rev().cloned().collect()
    }

    pub fn errors(&self) -> Vec<PastError> {
        self.errors.lock().iter().rev().cloned().collect()
    }
}

fn push<T>(all: &Mutex<VecDeque<T>>, one: T) {
    let mut all = all.lock();
    if all.len() >= MOST {
        all.pop_front();
    }
    all.push_back(one);
}
