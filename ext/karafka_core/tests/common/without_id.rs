//! A cluster that has no id, as Azure Event Hubs.

use super::proxy::{api_key, HoldUp, Pass};

const METADATA: i16 = 3;

/// Takes the cluster's id out of answers about metadata, and puts a controller in.
pub struct WithoutId;

impl HoldUp for WithoutId {
    fn wants_answer(&self, request: &mut [u8]) -> Option<&'static str> {
        (api_key(request) == METADATA).then_some("metadata")
    }

    fn pass(&self, _kind: &'static str, answer: &mut Vec<u8>) -> Pass {
        const ID: &[u8] = b"mockCluster";
        let begin = answer.windows(ID.len()).position(|part| part == ID).expect("an id");
        // One more than its bytes comes before it, the controller behind it.
        let end = begin + usize::from(answer[begin - 1]) - 1;
        answer.splice(begin - 1..end + 4, [0, 0, 0, 0, 1]);
        Pass::Now
    }
}
