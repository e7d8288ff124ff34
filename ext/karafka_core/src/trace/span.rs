//! A span that has ended.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{queue, Context};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Send,
    Process,
}

impl Operation {
    /// As OpenTelemetry's conventions for messaging call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Send => "send",
            Operation::Process => "process",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    Number(i64),
    /// A number that the conventions have as text.
    Numeral(i64),
    Text(Arc<str>),
}

/// Why something failed: a class or a code, and words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: String,
    pub message: String,
}

/// No data of messages is in it: neither payload, nor key, nor headers.
#[derive(Debug)]
pub struct Span {
    pub context: Context,
    pub parent: Option<[u8; 8]>,
    pub operation: Operation,
    pub topic: Arc<str>,
    /// In nanoseconds since 1970.
    pub begun_ns: u64,
    pub ended_ns: u64,
    pub attributes: Vec<(&'static str, Attribute)>,
    pub links: Vec<Context>,
    pub failure: Option<Failure>,
}

impl Span {
    /// Leaves it to the exporter, where it is sampled.
    pub fn record(self) {
        if self.context.sampled {
            queue().push(self);
        }
    }
}

/// When something began; its end is measured with a clock that only goes forward.
#[derive(Debug, Clone, Copy)]
pub struct Timer {
    begun_ns: u64,
    since: Instant,
}

impl Timer {
    pub fn start() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timer {
            begun_ns: nanoseconds(now),
            since: Instant::now(),
        }
    }

    /// Begin and end, in nanoseconds since 1970.
    pub fn stop(self) -> (u64, u64) {
        let ended_ns = self.begun_ns.saturating_add(nanoseconds(self.since.elapsed()));
        (self.begun_ns, ended_ns)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
