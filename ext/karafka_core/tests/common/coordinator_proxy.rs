//! Keeps one answer to a heartbeat to itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use super::proxy::{api_key, start_proxy, HoldUp, Pass};

const CONSUMER_GROUP_HEARTBEAT: i16 = 68;

pub struct CoordinatorProxy {
    pub address: String,
    keep: Arc<Keep>,
}

/// The number of answers to heartbeats that hold partitions which are still to be kept back.
#[derive(Default)]
struct Keep(AtomicUsize);

impl CoordinatorProxy {
    /// In front of a broker that is known as `host:port`; keeps nothing back yet.
    pub fn start(broker: &str) -> Self {
        let keep = Arc::<Keep>::default();
        let address = start_proxy(broker, keep.clone());
        CoordinatorProxy { address, keep }
    }

    /// The next answer to a heartbeat that holds partitions never arrives.
    pub fn keep_one(&self) {
        self.keep.0.store(1, Ordering::SeqCst);
    }

    pub fn has_kept(&self) -> bool {
        self.keep.0.load(Ordering::SeqCst) == 0
    }
}

impl HoldUp for Keep {
    fn wants_answer(&self, request: &mut [u8]) -> Option<&'static str> {
        (api_key(request) == CONSUMER_GROUP_HEARTBEAT).then_some("heartbeat")
    }

    fn pass(&self, _kind: &'static str, answer: &mut Vec<u8>) -> Pass {
        let less_one = |left: usize| left.checked_sub(1);
        let kept = holds_partitions(answer)
            && self
                .0
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less_one)
                .is_ok();
        match kept {
            true => Pass::Never,
            false => Pass::Now,
        }
    }
}

/// An answer without an error whose assignment is not empty.
fn holds_partitions(frame: &[u8]) -> bool {
    // Correlation id, no tags, throttle time, error code.
    let mut at = 4 + 1 + 4;
    let failed = frame[at..at + 2] != [0, 0];
    at += 2;
    for _text in ["error", "member id"] {
        at += 1 + usize::from(frame[at]).saturating_sub(1);
    }
    // Epoch and interval, then 1 where an assignment follows, and one more than its topics.
    at += 4 + 4;
    !failed && frame[at] == 1 && frame[at + 1] > 1
}
