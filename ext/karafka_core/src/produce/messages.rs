//! The messages of one produce call: one arena of bytes and a slot for each message. Everything is checked here,
//! before anything is handed to librdkafka, so a bad message leaves nothing half sent.

use std::ffi::{CStr, CString};
use std::sync::{Arc, OnceLock};

use super::client::TopicHandle;
use super::sends::Sent;
use crate::trace;

mod lines;

/// Kafka's own limit for topic names.
const MAX_TOPIC_LENGTH: usize = 249;
/// Memory kept for the next call.
const MOST_KEPT_BYTES: usize = 1 << 20;
const MOST_KEPT_TOPICS: usize = 32;
/// A span of this length stands for nil.
const ABSENT: u32 = u32::MAX;
/// librdkafka picks the partition.
pub const ANY_PARTITION: i32 = -1;

/// A message that can't be taken: which field, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct Invalid {
    pub field: &'static str,
    pub reason: String,
}

impl Invalid {
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Invalid {
            field,
            reason: reason.into(),
        }
    }
}

/// One message as the caller holds it; the bytes are copied by `Messages::push`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Draft<'a> {
    pub topic: Option<&'a [u8]>,
    pub payload: Option<&'a [u8]>,
    pub key: Option<&'a [u8]>,
    /// Hashed to a partition in place of the key.
    pub partition_key: Option<&'a [u8]>,
    pub partition: Option<i64>,
    /// Milliseconds since 1970; None: librdkafka takes the time of the call.
    pub timestamp_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    at: usize,
    len: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub topic: u32,
    pub partition: i32,
    pub payload: Span,
    pub key: Span,
    pub partition_key: Span,
    /// 0: now.
    pub timestamp_ms: i64,
    pub first_header: u32,
    pub headers: u32,
}

/// A topic's name, and its handle at one of the producer's clients once a message to it was sent.
#[derive(Debug)]
pub struct Topic {
    name: CString,
    pub(super) handle: OnceLock<(u64, TopicHandle)>,
}

impl Topic {
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Names are ASCII: checked where they are taken.
    pub fn as_str(&self) -> &str {
        self.name.to_str().unwrap_or_default()
    }
}

/// Messages that passed all checks.
#[derive(Debug)]
pub struct Messages {
    arena: Vec<u8>,
    pub(super) slots: Vec<Slot>,
    /// Kept when the messages are used again: most calls go to the same few topics.
    topics: Vec<Arc<Topic>>,
    /// Not all go to the topic of the first one.
    pub(super) mixed: bool,
    headers: Vec<(Span, Span)>,
    /// Headers from here on belong to the message that is pushed next.
    taken_headers: usize,
    pub(super) has_partition_keys: bool,
    max_payload_size: usize,
    /// Of each message; none while tracing is off.
    pub(super) sent: Vec<Sent>,
}

impl Messages {
    /// `max_payload_size` in bytes, `expected` is how many messages will come.
    pub fn new(max_payload_size: usize, expected: usize) -> Self {
        Messages {
            arena: Vec::with_capacity(expected.saturating_mul(256).min(1 << 20)),
            slots: Vec::with_capacity(expected),
            topics: Vec::with_capacity(1),
            mixed: false,
            headers: Vec::new(),
            taken_headers: 0,
            has_partition_keys: false,
            max_payload_size,
            sent: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes of payloads, keys and headers.
    pub fn bytesize(&self) -> usize {
        self.arena.len()
    }

    /// Topic of message `index`.
    pub fn topic(&self, index: usize) -> Option<&Arc<Topic>> {
        self.slots
            .get(index)
            .and_then(|slot| self.topics.get(slot.topic as usize))
    }

    /// Empties it for another call. None: it has grown too much to be kept.
    pub(super) fn recycle(mut self) -> Option<Self> {
        if self.arena.capacity() > MOST_KEPT_BYTES || self.topics.len() > MOST_KEPT_TOPICS {
            return None;
        }
        self.arena.clear();
        self.slots.clear();
        self.headers.clear();
        self.sent.clear();
        (self.taken_headers, self.has_partition_keys, self.mixed) = (0, false, false);
        Some(self)
    }

    pub(super) fn limit_payloads(&mut self, max_payload_size: usize) {
        self.max_payload_size = max_payload_size;
    }

    /// Adds a header to the message that is pushed next. Names and values are any bytes; a value may be nil.
    pub fn header(&mut self, name: &[u8], value: Option<&[u8]>) -> Result<(), Invalid> {
        if name.contains(&0) {
            return Err(Invalid::new(
                "headers",
                "must have names without NUL bytes: readers would see them cut off",
            ));
        }
        let name = self.keep("headers", Some(name))?;
        let value = self.keep("headers", value)?;
        self.headers.push((name, value));
        Ok(())
    }

    pub fn push(&mut self, draft: &Draft<'_>) -> Result<(), Invalid> {
        let topic = self.intern(draft.topic)?;
        let partition = match draft.partition {
            None => ANY_PARTITION,
            Some(partition) => i32::try_from(partition)
                .ok()
                .filter(|partition| *partition >= ANY_PARTITION)
                .ok_or_else(|| {
                    Invalid::new(
                        "partition",
                        format!("must be an Integer from 0, or -1 for any: {partition}"),
                    )
                })?,
        };
        self.check_size(draft.payload.map_or(0, <[u8]>::len))?;
        // librdkafka reads 0 as "now".
        if draft.timestamp_ms.is_some_and(|timestamp| timestamp <= 0) {
            return Err(Invalid::new(
                "timestamp",
                "must be a Time or milliseconds since 1970, 1 or more (without it: the time of the call)",
            ));
        }
        if draft.partition_key.is_some_and(<[u8]>::is_empty) {
            return Err(Invalid::new("partition_key", "must not be empty"));
        }
        self.has_partition_keys |= draft.partition_key.is_some() && partition == ANY_PARTITION;
        self.trace()?;
        let slot = Slot {
            topic,
            partition,
            payload: self.keep("payload", draft.payload)?,
            key: self.keep("key", draft.key)?,
            partition_key: self.keep("partition_key", draft.partition_key)?,
            timestamp_ms: draft.timestamp_ms.unwrap_or(0),
            first_header: self.taken_headers as u32,
            headers: (self.headers.len() - self.taken_headers) as u32,
        };
        self.taken_headers = self.headers.len();
        self.mixed |= self.slots.first().is_some_and(|first| first.topic != topic);
        self.slots.push(slot);
        Ok(())
    }

    /// Its span goes with the message, in place of what its header named before.
    fn trace(&mut self) -> Result<(), Invalid> {
        if !trace::is_on() {
            return Ok(());
        }
        let mut named = None;
        for index in (self.taken_headers..self.headers.len()).rev() {
            let (name, value) = self.headers[index];
            if self.bytes(name) == Some(trace::HEADER) {
                named = named.or_else(|| self.bytes(value).and_then(trace::Context::parse));
                self.headers.remove(index);
            }
        }
        let sent = Sent::of(named);
        self.header(trace::HEADER, Some(&sent.context.header()))?;
        self.sent.push(sent);
        Ok(())
    }

    fn check_size(&self, payload_bytes: usize) -> Result<(), Invalid> {
        if payload_bytes <= self.max_payload_size {
            return Ok(());
        }
        let reason = format!(
            "is {payload_bytes} bytes, max_payload_size allows {}",
            self.max_payload_size
        );
        Err(Invalid::new("payload", reason))
    }

    /// The same topic mostly comes many times in a row, so the last one is looked at first.
    fn intern(&mut self, topic: Option<&[u8]>) -> Result<u32, Invalid> {
        let Some(topic) = topic else {
            return Err(Invalid::new("topic", "is missing"));
        };
        if let Some(last) = self.slots.last() {
            if self
                .topics
                .get(last.topic as usize)
                .is_some_and(|known| known.name.as_bytes() == topic)
            {
                return Ok(last.topic);
            }
        }
        if let Some(found) = self.topics.iter().position(|known| known.name.as_bytes() == topic) {
            return Ok(found as u32);
        }
        let name = valid_name(topic)?;
        self.topics.push(Arc::new(Topic {
            name,
            handle: OnceLock::new(),
        }));
        Ok((self.topics.len() - 1) as u32)
    }

    /// None: that can't be a topic's name.
    pub(super) fn topic_named(name: &[u8]) -> Option<Topic> {
        let name = valid_name(name).ok()?;
        let handle = OnceLock::new();
        Some(Topic { name, handle })
    }

    fn keep(&mut self, field: &'static str, bytes: Option<&[u8]>) -> Result<Span, Invalid> {
        let at = self.arena.len();
        let Some(bytes) = bytes else {
            return Ok(Span { at, len: ABSENT });
        };
        // librdkafka's lengths are signed 32 bit.
        if bytes.len() > i32::MAX as usize {
            return Err(Invalid::new(field, "is longer than 2 GB"));
        }
        self.arena.extend_from_slice(bytes);
        Ok(Span {
            at,
            len: bytes.len() as u32,
        })
    }

    pub(super) fn bytes(&self, span: Span) -> Option<&[u8]> {
        if span.len == ABSENT {
            return None;
        }
        self.arena.get(span.at..span.at + span.len as usize)
    }

    pub(super) fn headers_of(&self, slot: &Slot) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let first = slot.first_header as usize;
        let range = self
            .headers
            .get(first..first + slot.headers as usize)
            .unwrap_or_default();
        range
            .iter()
            .map(|(name, value)| (self.bytes(*name).unwrap_or_default(), self.bytes(*value)))
    }
}

fn valid_name(topic: &[u8]) -> Result<CString, Invalid> {
    let fine = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if topic.is_empty() || topic.len() > MAX_TOPIC_LENGTH || topic == b"." || topic == b".." || !topic.iter().all(fine)
    {
        let reason = "must be 1 to 249 characters out of a-z, A-Z, 0-9, '.', '_' and '-'";
        return Err(Invalid::new(
            "topic",
            format!("{reason}: {:?}", String::from_utf8_lossy(topic)),
        ));
    }
    CString::new(topic).map_err(|_| Invalid::new("topic", "has a NUL byte"))
}

#[cfg(test)]
mod tests;
