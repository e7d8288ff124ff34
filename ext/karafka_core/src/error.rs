//! One error type for the whole engine. Errors are data: the binding turns them into Ruby classes in one place.

use std::ffi::{CStr, CString};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

pub(crate) mod codes;

/// What librdkafka or a broker refused, with everything a caller needs to decide.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KafkaError {
    /// librdkafka's numeric code (negative: local, positive: from the broker).
    pub number: i32,
    /// librdkafka's name in lower case without the leading underscore, such as `queue_full`.
    pub code: String,
    pub message: String,
    pub fatal: bool,
    pub retryable: bool,
    pub topic: Option<String>,
    pub partition: Option<i32>,
}

impl std::fmt::Display for KafkaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)?;
        if let Some(topic) = &self.topic {
            write!(f, " [{topic}")?;
            if let Some(partition) = self.partition {
                write!(f, "/{partition}")?;
            }
            write!(f, "]")?;
        }
        Ok(())
    }
}

impl KafkaError {
    /// From a response code; `message` is librdkafka's own text where the caller has no better one.
    pub fn from_code(code: RDKafkaRespErr) -> Self {
        Self::from_number(code as i32)
    }

    /// As `from_code`, also for a code that this librdkafka does not know.
    pub fn from_number(number: i32) -> Self {
        let known = codes::known(number);
        KafkaError {
            number,
            code: codes::name(number),
            message: codes::text(number),
            fatal: known == Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL),
            retryable: known.is_some_and(is_transient),
            topic: None,
            partition: None,
        }
    }

    /// Takes ownership of a `rd_kafka_error_t` and frees it. None when there is no error.
    ///
    /// # Safety
    /// `error` is null or a pointer librdkafka handed over to the caller.
    pub unsafe fn from_native(error: *mut sys::rd_kafka_error_t) -> Option<Self> {
        if error.is_null() {
            return None;
        }
        // SAFETY: not null and ours, by the contract above; destroyed once, at the end.
        unsafe {
            let number = codes::raw::rd_kafka_error_code(error);
            let text = CStr::from_ptr(sys::rd_kafka_error_string(error));
            let result = KafkaError {
                number,
                code: codes::name(number),
                message: text.to_string_lossy().into_owned(),
                fatal: sys::rd_kafka_error_is_fatal(error) != 0,
                retryable: sys::rd_kafka_error_is_retriable(error) != 0,
                topic: None,
                partition: None,
            };
            sys::rd_kafka_error_destroy(error);
            Some(result)
        }
    }

    /// An error of ours in the shape of Kafka's.
    pub fn internal(message: impl Into<String>) -> Self {
        KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__FAIL).with_message(message)
    }

    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    pub fn at(mut self, topic: &str, partition: i32) -> Self {
        self.topic = Some(topic.to_owned());
        self.partition = Some(partition);
        self
    }
}

/// Everything that can go wrong in the engine.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Without a value: several settings together.
    #[error("{setting}{}: {reason}", if value.is_empty() { String::new() } else { format!(" = {value:?}") })]
    Config {
        setting: String,
        value: String,
        reason: String,
    },
    #[error("{operation}: {source}")]
    Kafka {
        operation: &'static str,
        source: Box<KafkaError>,
    },
    #[error("{operation} did not finish within {timeout_ms} ms")]
    TimedOut { operation: &'static str, timeout_ms: u64 },
    #[error("the Kafka client is closed: the server has stopped, the producer was closed, or a failed client is being replaced")]
    Closed,
    #[error("this object was made before a fork and belongs to the parent process; make a new one in the child")]
    Forked,
    #[error("internal error: {0}")]
    Internal(String),
}

impl std::error::Error for KafkaError {}

pub type Result<T> = std::result::Result<T, Error>;

/// Turns a response code into a Result.
pub fn check(operation: &'static str, code: RDKafkaRespErr) -> Result<()> {
    check_number(operation, code as i32)
}

/// As `check`, for a code that may be a broker's.
pub fn check_number(operation: &'static str, number: i32) -> Result<()> {
    if number == codes::NO_ERROR {
        return Ok(());
    }
    Err(Error::Kafka {
        operation,
        source: Box::new(KafkaError::from_number(number)),
    })
}

fn is_transient(code: RDKafkaRespErr) -> bool {
    use RDKafkaRespErr::*;
    matches!(
        code,
        RD_KAFKA_RESP_ERR__TRANSPORT
            | RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
            | RD_KAFKA_RESP_ERR__TIMED_OUT
            | RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE
            | RD_KAFKA_RESP_ERR__RESOLVE
            | RD_KAFKA_RESP_ERR__WAIT_COORD
            | RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
            | RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE
            | RD_KAFKA_RESP_ERR_NOT_COORDINATOR
            | RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
            | RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
            | RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
            | RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION
            | RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS
            | RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS
            // The message itself may be fine.
            | RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD
    )
}

/// A C string, or an error that names what held the NUL byte.
pub(crate) fn c_string(what: &str, text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::Config {
        setting: what.to_owned(),
        value: text.replace('\0', "\\0"),
        reason: "contains a NUL byte".to_owned(),
    })
}
