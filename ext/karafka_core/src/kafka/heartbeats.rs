//! Answers of a group's coordinator to heartbeats that never came, with KIP-848.
//!
//! The coordinator tells a member what it has once, in the answer to the heartbeat at which that changed, and again only to a
//! heartbeat that says everything. librdkafka sends the same short one again after a time-out, so a member would keep what it is
//! to give up, or miss what others gave up for it, until `max.poll.interval.ms` is over. After a broken connection it does say
//! everything. So the connection is cut on which the next heartbeat goes: the member need not leave for that.

use std::ffi::{c_int, CStr};
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::types::RDKafkaRespErr;

use crate::kafka::interceptors::Listener;

const CONSUMER_GROUP_HEARTBEAT: i16 = 68;

#[derive(Debug, Default)]
pub struct Heartbeats {
    /// An answer did not come, and nothing has been done about it.
    is_due: AtomicBool,
    /// A connection was cut, and nobody knows yet.
    is_cut: AtomicBool,
}

impl Heartbeats {
    /// Whether a connection was cut since the last call.
    pub fn take_cut(&self) -> bool {
        self.is_cut.swap(false, Ordering::Relaxed)
    }

    /// Whether the connection on which this request went is to be cut.
    fn cuts(&self, api_key: i16) -> bool {
        let cuts = api_key == CONSUMER_GROUP_HEARTBEAT && self.is_due.swap(false, Ordering::AcqRel);
        if cuts {
            self.is_cut.store(true, Ordering::Relaxed);
        }
        cuts
    }
}

impl Listener for Heartbeats {
    const NAME: &'static CStr = c"karafka.heartbeats";
    const HEARS_REQUESTS: bool = true;

    /// On the thread of the broker, which owns the connection.
    fn sent(&self, socket: c_int, api_key: i16) {
        if self.cuts(api_key) {
            // SAFETY: the socket is open, as a request was just sent on it. It stays librdkafka's, which closes it.
            unsafe { libc::shutdown(socket, libc::SHUT_RDWR) };
        }
    }

    /// A time-out is an answer, too.
    fn answered(&self, _node: i32, api_key: i16, error: RDKafkaRespErr) {
        if api_key == CONSUMER_GROUP_HEARTBEAT && error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT {
            self.is_due.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heartbeat_after_a_lost_answer_and_no_other_request_cuts_its_connection_once() {
        let heartbeats = Heartbeats::default();
        let timed_out = RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT;
        assert!(!heartbeats.cuts(CONSUMER_GROUP_HEARTBEAT));
        heartbeats.answered(1, CONSUMER_GROUP_HEARTBEAT, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
        heartbeats.answered(1, 1, timed_out);
        assert!(!heartbeats.cuts(CONSUMER_GROUP_HEARTBEAT));
        assert!(!heartbeats.take_cut());
        heartbeats.answered(1, CONSUMER_GROUP_HEARTBEAT, timed_out);
        assert!(
            !heartbeats.cuts(1) && !heartbeats.take_cut(),
            "while no heartbeat goes out nobody is told"
        );
        assert!(heartbeats.cuts(CONSUMER_GROUP_HEARTBEAT) && !heartbeats.cuts(CONSUMER_GROUP_HEARTBEAT));
        assert!(heartbeats.take_cut() && !heartbeats.take_cut());
    }
}
