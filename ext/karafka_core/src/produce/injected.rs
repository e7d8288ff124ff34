//! Failures that a test asks for, and what a client says of them.

use std::ffi::CString;

use rdkafka::types::RDKafkaRespErr;

use super::{FatalError, Producer};
use crate::error::codes;
use crate::error::{Error, KafkaError, Result};

impl Producer {
    /// Makes librdkafka behave as after a fatal error, for tests.
    pub fn inject_fatal_error(&self, code: FatalError, reason: &str) -> Result<()> {
        let code = match code {
            FatalError::OutOfOrder => RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
            FatalError::Fenced => RDKafkaRespErr::RD_KAFKA_RESP_ERR__FENCED,
            FatalError::Number(number) => codes::known(number).ok_or_else(|| Error::Config {
                setting: "error code".to_owned(),
                value: number.to_string(),
                reason: "librdkafka knows no such error".to_owned(),
            })?,
        };
        let reason = CString::new(reason).map_err(|_| Error::Internal("a reason with a NUL byte".to_owned()))?;
        match self.shared.client()? {
            Some(borrowed) => borrowed.get()?.inject_fatal_error(code, &reason),
            None => return Err(Error::Internal("a failed client is being replaced".to_owned())),
        }
        Ok(())
    }

    /// Why librdkafka's client takes nothing any more; None: it works, or there is no client just now.
    pub fn fatal_error(&self) -> Result<Option<KafkaError>> {
        match self.shared.client()? {
            Some(borrowed) => Ok(borrowed.get()?.fatal_error()),
            None => Ok(None),
        }
    }

    /// For tests: the report thread meets a panic at the next report.
    pub fn inject_panic(&self) {
        self.shared.panic_next.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}
