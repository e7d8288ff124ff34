//! librdkafka's transactional calls. Each blocks up to its timeout, and some were seen to block for longer: they are
//! made from the thread `krs.tx` only.

use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::Native;
use crate::error::KafkaError;
use crate::transaction_offsets::GroupOffsets;

/// What a transactional call was refused with.
pub struct Refusal {
    pub error: KafkaError,
    /// The transaction can only be aborted.
    pub abort: bool,
}

type Answer = std::result::Result<(), Refusal>;

impl Native {
    pub fn init_transactions(&self, timeout: Duration) -> Answer {
        // SAFETY: the client is alive.
        self.answer(unsafe { sys::rd_kafka_init_transactions(self.rk(), millis(timeout)) })
    }

    pub fn begin_transaction(&self) -> Answer {
        // SAFETY: the client is alive.
        self.answer(unsafe { sys::rd_kafka_begin_transaction(self.rk()) })
    }

    pub fn send_offsets(&self, offsets: &GroupOffsets, timeout: Duration) -> Answer {
        // SAFETY: the client is alive; list and metadata live during the call and are copied.
        self.answer(unsafe {
            let (list, group) = (offsets.list(), offsets.group());
            sys::rd_kafka_send_offsets_to_transaction(self.rk(), list, group, millis(timeout))
        })
    }

    pub fn commit_transaction(&self, timeout: Duration) -> Answer {
        // SAFETY: the client is alive.
        self.answer(unsafe { sys::rd_kafka_commit_transaction(self.rk(), millis(timeout)) })
    }

    pub fn abort_transaction(&self, timeout: Duration) -> Answer {
        // SAFETY: the client is alive.
        self.answer(unsafe { sys::rd_kafka_abort_transaction(self.rk(), millis(timeout)) })
    }

    fn answer(&self, error: *mut sys::rd_kafka_error_t) -> Answer {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: not null and ours; read before it is given back.
        let (abort, error) = unsafe {
            let abort = sys::rd_kafka_error_txn_requires_abort(error) != 0;
            (abort, KafkaError::from_native(error))
        };
        let Some(mut error) = error else { return Ok(()) };
        if error.fatal && error.number == RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL as i32 {
            error = self.explain(RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL);
        }
        Err(Refusal { error, abort })
    }
}

fn millis(timeout: Duration) -> i32 {
    // 0 would not even ask the broker.
    i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX).max(1)
}
