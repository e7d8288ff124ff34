//! The client's main queue: what happens beside messages, until it is closed. It is polled here, because rust-rdkafka's own
//! `poll` can't be woken and hides the results of an assignment.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::questions::{Answer, Question};
use super::ConsumerClient;
use crate::error::{KafkaError, Result};
use crate::event::PartitionRow;
use crate::kafka::ffi::{error_result, explain_fatal, QueueEvent};
use crate::kafka::log::LogLine;
use crate::kafka::troubles::Line;

const ASSIGN_PARTITIONS: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS as i32;

/// One thing that happened on the main queue.
pub enum Polled {
    Nothing,
    Assign(QueueEvent),
    Revoke(QueueEvent),
    Committed {
        offsets: Vec<PartitionRow>,
        error: Option<KafkaError>,
    },
    Error(KafkaError),
    Statistics(String),
    Answer(Question, Answer),
    /// Should never happen: every partition has its own queue.
    StrayMessages(usize),
}

impl ConsumerClient {
    /// Makes a blocked `poll` return.
    pub fn wake(&self) {
        self.queue.wake();
    }

    pub fn poll(&self, timeout: Duration) -> Polled {
        let Some(event) = self.queue.poll(whole_ms(timeout)) else {
            return Polled::Nothing;
        };
        match event.kind() {
            sys::RD_KAFKA_EVENT_REBALANCE => match event.code() {
                ASSIGN_PARTITIONS => Polled::Assign(event),
                _ => Polled::Revoke(event),
            },
            sys::RD_KAFKA_EVENT_OFFSET_COMMIT => Polled::Committed {
                offsets: event.partitions(),
                error: event.error(),
            },
            sys::RD_KAFKA_EVENT_ERROR => match event.error() {
                Some(error) => {
                    // SAFETY: a living client.
                    let error = unsafe { explain_fatal(self.ptr(), error) };
                    self.troubles.error(error).map_or(Polled::Nothing, Polled::Error)
                }
                None => Polled::Nothing,
            },
            sys::RD_KAFKA_EVENT_STATS => Polled::Statistics(event.statistics()),
            sys::RD_KAFKA_EVENT_LOG => self.log(&event),
            sys::RD_KAFKA_EVENT_FETCH => Polled::StrayMessages(event.messages().count()),
            _ => event
                .answer()
                .map_or(Polled::Nothing, |(question, answer)| Polled::Answer(question, answer)),
        }
    }

    fn log(&self, event: &QueueEvent) -> Polled {
        let Some(line) = LogLine::of(event) else {
            return Polled::Nothing;
        };
        match self.troubles.line(&line) {
            Line::Error(error) => return Polled::Error(error),
            Line::Known => line.forward_for_debugging(),
            Line::Other => line.forward(),
        }
        Polled::Nothing
    }

    /// Leaves the group and closes, serving what comes up meanwhile. False when `give_up` came first.
    pub fn close(&self, give_up: impl Fn() -> bool, mut serve: impl FnMut(Polled)) -> Result<bool> {
        self.closing.store(true, Ordering::Relaxed);
        // SAFETY: a living client and its own queue.
        unsafe {
            let error = sys::rd_kafka_consumer_close_queue(self.ptr(), self.queue.as_ptr());
            error_result("closing", error)?;
        }
        // SAFETY: a living client.
        while unsafe { sys::rd_kafka_consumer_closed(self.ptr()) } == 0 {
            if give_up() {
                return Ok(false);
            }
            serve(self.poll(Duration::from_millis(5)));
        }
        Ok(true)
    }
}

/// Rounded up: a wait of less than a millisecond would be none, and a loop that waits for a time would spin until it is over.
fn whole_ms(timeout: Duration) -> i32 {
    let whole = timeout.as_nanos().div_ceil(1_000_000);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_cut_to_none() {
        let waits = [0, 1, 999_999, 1_000_000, 1_000_001, u64::MAX].map(|nanos| whole_ms(Duration::from_nanos(nanos)));
        assert_eq!(waits, [0, 1, 1, 1, 2, i32::MAX]);
    }
}
