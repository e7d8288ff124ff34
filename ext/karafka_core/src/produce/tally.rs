//! Counts reports by topic while they are read, and adds them to the process's numbers at the end: no atomic and no look-up for a
//! message that goes to the same topic as the one before.

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as sys;

use super::refused::Message;
use crate::metrics::{registry, ProducedMetrics};

#[derive(Default)]
pub(super) struct Tally {
    topic: usize,
    metrics: Option<Arc<ProducedMetrics>>,
    messages: u64,
    bytes: u64,
    failed: u64,
}

impl Tally {
    /// # Safety
    /// `message` is alive.
    pub unsafe fn add(&mut self, message: Message, failed: bool, latency_us: u32) {
        // SAFETY: by the contract; a message that was produced has a topic, whose name lives as long.
        let (topic, bytes) = unsafe { ((*message).rkt, (*message).len + (*message).key_len) };
        if topic as usize != self.topic || self.metrics.is_none() {
            self.done();
            self.topic = topic as usize;
            // SAFETY: as above.
            let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(topic)) };
            self.metrics = Some(registry().produced(&name.to_string_lossy()));
        }
        if failed {
            self.failed += 1;
            return;
        }
        self.messages += 1;
        self.bytes += bytes as u64;
        if let Some(metrics) = &self.metrics {
            metrics.latency.observe_time(Duration::from_micros(latency_us.into()));
        }
    }

    pub fn done(&mut self) {
        let Some(metrics) = &self.metrics else { return };
        metrics.messages.add(std::mem::take(&mut self.messages));
        metrics.bytes.add(std::mem::take(&mut self.bytes));
        metrics.failed.add(std::mem::take(&mut self.failed));
    }
}
