//! librdkafka's transactional calls. Each blocks up to its timeout, and some were seen to block for longer: they are
//! made from the thread `krs.tx` only.

use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::ProducerClient;
use crate::consume::transaction_offsets::GroupOffsets;
use crate::error::codes;
use crate::error::KafkaError;

/// What a transactional call was refused with.
pub struct Refusal {
    pub error: KafkaError,
    /// The transaction can only be aborted.
    pub abort: bool,
}

/// Another producer with the same transactional id has taken over, or the transaction took too long.
pub fn is_fence(error: &KafkaError) -> bool {
    use RDKafkaRespErr::*;
    let fences = [
        RD_KAFKA_RESP_ERR__FENCED,
        RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    ];
    fences.iter().any(|code| *code as i32 == error.number)
}

type Answer = std::result::Result<(), Refusal>;

impl ProducerClient {
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

    /// The client has failed for good, because it was fenced.
    pub fn fence(&self) -> Option<KafkaError> {
        Some(self.explain(codes::FATAL)).filter(is_fence)
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
        if error.fatal && error.number == codes::FATAL {
            error = self.explain_fatal(error);
        }
        Err(Refusal { error, abort })
    }
}

fn millis(timeout: Duration) -> i32 {
    // 0 would not even ask the broker.
    i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX).max(1)
}
