//! Whether a topic may have become another one of the same name. Messages do not say which topic they are of, but librdkafka
//! reads of a new one only after an answer about metadata. So each such answer is a doubt: what is drained from then on is held
//! back until a broker has answered a later question for the topics' ids.

use std::ffi::CStr;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use rdkafka::types::RDKafkaRespErr;

use crate::kafka::interceptors::Listener;

const METADATA: i16 = 3;

#[derive(Debug)]
pub struct Doubt {
    /// Answers about metadata that have come.
    seen: AtomicU64,
    /// Up to this one it is known which topics were read.
    settled: AtomicU64,
    /// The broker that gave the last answer about metadata; -1: none yet.
    node: AtomicI32,
}

impl Default for Doubt {
    fn default() -> Self {
        Doubt {
            seen: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            node: AtomicI32::new(-1),
        }
    }
}

impl Doubt {
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    pub fn is_settled(&self) -> bool {
        self.is_settled_at(self.seen())
    }

    /// Whether it is known of which topics messages are that were drained when `seen` answers about metadata had come.
    pub fn is_settled_at(&self, seen: u64) -> bool {
        seen <= self.settled.load(Ordering::SeqCst)
    }

    /// Whom to ask: the broker that has answered librdkafka last knows no less than librdkafka. None: nobody has answered yet.
    pub fn node(&self) -> Option<i32> {
        Some(self.node.load(Ordering::Relaxed)).filter(|node| *node >= 0)
    }

    /// There is nothing to ask about anything up to `seen`.
    pub fn settle(&self, seen: u64) {
        self.settled.fetch_max(seen, Ordering::SeqCst);
    }

    /// A question that was sent when `asked` answers had come is answered, and what was read is compared with that. The answer is
    /// about metadata itself; only where no other one has come meanwhile is it known which of them was the last.
    pub fn settle_answered(&self, asked: u64) {
        let seen = self.seen();
        self.settle(if seen <= asked + 1 { seen } else { asked });
    }
}

impl Listener for Doubt {
    const NAME: &'static CStr = c"karafka.doubt";

    fn answered(&self, node: i32, api_key: i16, error: RDKafkaRespErr) {
        let is_answer = error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        // Those that the settings name have no numbers before they have told them.
        if is_answer && node >= 0 && (api_key == METADATA || self.node().is_none()) {
            self.node.store(node, Ordering::Relaxed);
        }
        if api_key == METADATA {
            self.seen.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(doubt: &Doubt, count: u64) {
        doubt.seen.fetch_add(count, Ordering::SeqCst);
    }

    #[test]
    fn what_comes_after_metadata_waits_for_the_answer_to_a_later_question() {
        let doubt = Doubt::default();
        assert!(doubt.is_settled());
        answers(&doubt, 1);
        let drained = doubt.seen();
        assert!(!doubt.is_settled_at(drained));
        let asked = doubt.seen();
        answers(&doubt, 1);
        doubt.settle_answered(asked);
        assert!(doubt.is_settled(), "the answer to the question itself is no doubt");
        doubt.settle(drained);
        assert!(doubt.is_settled(), "nothing becomes doubtful again");
    }

    #[test]
    fn where_other_metadata_come_meanwhile_what_was_drained_before_the_question_waits_no_longer() {
        let doubt = Doubt::default();
        answers(&doubt, 1);
        let (before, asked) = (doubt.seen(), doubt.seen());
        answers(&doubt, 2);
        let after = doubt.seen();
        doubt.settle_answered(asked);
        assert!(doubt.is_settled_at(before));
        assert!(!doubt.is_settled_at(after));
    }
}
