//! A broker takes or refuses a batch as a whole. Here is found out which of its messages are at fault.
//!
//! An answer may name them (`record_errors`). librdkafka 2.12.1 then marks the others with `_INVALID_DIFFERENT_RECORD`, but
//! where a single message is named it overwrites these codes with that of the batch
//! (`rd_kafka_interceptors_on_acknowledgement_queue`). What is left is the others' text: a string constant of
//! librdkafka's, while the texts of those that are named come from the answer, and are freed by the time they could be read. So
//! the address is looked at, and never what it points to.

use std::collections::HashSet;
use std::ffi::{c_char, c_void};
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use crate::error::codes;

const INVALID_RECORD: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD as i32;
const INVALID_TIMESTAMP: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP as i32;
const TOO_LARGE: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE as i32;
const BATCH_TOO_LARGE: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE as i32;
/// What a message gets that failed because of others.
pub(super) const DIFFERENT_RECORD: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD as i32;
/// No broker is set to refuse a timestamp that is this close to its clock.
const CLOSE_MS: i64 = 60_000;

pub(super) type Message = *const sys::rd_kafka_message_t;

/// The broker would take other messages of the same batch.
pub(super) fn is_about_content(code: i32) -> bool {
    matches!(code, INVALID_RECORD | INVALID_TIMESTAMP | TOO_LARGE | BATCH_TOO_LARGE)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Culprit,
    Innocent,
    /// The broker has named nobody.
    Unknown,
}

/// What each message of a batch has to do with the refusal of it.
///
/// # Safety
/// The messages are alive, and those of one delivery report event of a producer.
pub(super) unsafe fn fates(code: i32, messages: &[Message]) -> Vec<Fate> {
    // SAFETY: by the contract.
    let marks: Vec<Mark> = messages.iter().map(|message| unsafe { Mark::of(*message) }).collect();
    judge(code, &marks, is_constant)
}

/// What librdkafka has written on a message.
#[derive(Debug, Clone, Copy)]
struct Mark {
    code: i32,
    text: *const c_char,
}

impl Mark {
    /// # Safety
    /// `message` is alive.
    unsafe fn of(message: Message) -> Self {
        // SAFETY: by the contract.
        unsafe {
            Mark {
                code: codes::of_message(message),
                text: sys::rd_kafka_message_produce_errstr(message),
            }
        }
    }
}

fn judge(code: i32, marks: &[Mark], is_constant: impl Fn(*const c_char) -> bool) -> Vec<Fate> {
    let innocent = |mark: &Mark| mark.code == DIFFERENT_RECORD || is_constant(mark.text);
    if marks.len() == 1 {
        return vec![Fate::Culprit];
    }
    if marks.iter().any(innocent) {
        let fate = |mark| if innocent(mark) { Fate::Innocent } else { Fate::Culprit };
        return marks.iter().map(fate).collect();
    }
    // All of them are named where each has a code or a text of its own.
    let texts: HashSet<_> = marks
        .iter()
        .map(|mark| mark.text)
        .filter(|text| !text.is_null())
        .collect();
    let named = marks.iter().any(|mark| mark.code != code) || texts.len() == marks.len();
    vec![if named { Fate::Culprit } else { Fate::Unknown }; marks.len()]
}

/// It is in the memory of the library that librdkafka is a part of, which no allocated text is.
fn is_constant(text: *const c_char) -> bool {
    static LIBRARY: OnceLock<Option<usize>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| library_of(sys::rd_kafka_err2str as *const c_void));
    !text.is_null() && library.is_some() && library_of(text.cast()) == *library
}

fn library_of(address: *const c_void) -> Option<usize> {
    // SAFETY: all zeros is a value of this struct, and dladdr only fills it; any address may be asked for.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        (libc::dladdr(address, &mut info) != 0).then_some(info.dli_fbase as usize)
    }
}

/// Code and words for a message that is at fault.
///
/// # Safety
/// `message` is alive.
pub(super) unsafe fn why(code: i32, message: Message) -> (i32, String) {
    // SAFETY: by the contract.
    let (keyless, timestamp, size) = unsafe { ((*message).key.is_null(), timestamp_of(message), size_of(message)) };
    // Of several in a batch all have the same code.
    let code = if code == INVALID_TIMESTAMP && keyless && close_timestamps().contains(&timestamp) {
        INVALID_RECORD
    } else {
        code
    };
    let reason = match code {
        INVALID_TIMESTAMP => format!(
            "Its timestamp is {timestamp} ms since 1970. The topic limits how far from the broker's clock a timestamp may be \
             (message.timestamp.before.max.ms and message.timestamp.after.max.ms)"
        ),
        INVALID_RECORD if keyless => {
            "It has no key, and a compacted topic (cleanup.policy=compact) takes only messages with a key".to_owned()
        }
        INVALID_RECORD => {
            "It breaks a rule of the topic, such as a schema; the broker's log names the rule".to_owned()
        }
        _ => format!(
            "It has {size} bytes with its key and headers, which is more than the topic takes (max.message.bytes). Raise that, \
             or send less"
        ),
    };
    (code, format!("{}. {reason}", codes::text(code)))
}

/// For a message that failed with a batch in which nobody was named.
pub(super) fn why_together(code: i32, messages: usize, bytes: usize) -> String {
    format!(
        "{}. Its batch of {messages} messages has {bytes} bytes, which is more than the topic takes (max.message.bytes); the message \
         itself may be small enough. Set batch.size to no more than max.message.bytes of the topic",
        codes::text(code)
    )
}

/// For a message that failed because of others.
pub(super) fn why_innocent(code: i32) -> String {
    format!(
        "It was in a batch that the broker refused because of other messages ({}); sent again it may be taken",
        codes::name(code)
    )
}

/// Timestamps that every topic takes, milliseconds since 1970.
pub(super) fn close_timestamps() -> RangeInclusive<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    now_ms.saturating_sub(CLOSE_MS)..=now_ms.saturating_add(CLOSE_MS)
}

/// Milliseconds; 0: none. librdkafka gives none for a message with an error, so the error is out of the way meanwhile.
///
/// # Safety
/// `message` is alive, of a delivery report event, and nobody else looks at it.
pub(super) unsafe fn timestamp_of(message: Message) -> i64 {
    // SAFETY: by the contract; the field is an int of C's.
    unsafe {
        let code = (&raw const (*message).err).cast::<i32>().cast_mut();
        let known = code.replace(codes::NO_ERROR);
        let timestamp = sys::rd_kafka_message_timestamp(message, std::ptr::null_mut());
        code.write(known);
        timestamp.max(0)
    }
}

/// Bytes of payload, key and headers.
///
/// # Safety
/// `message` is alive.
pub(super) unsafe fn size_of(message: Message) -> usize {
    // SAFETY: by the contract.
    unsafe {
        let mut size = (*message).len + (*message).key_len;
        each_header(message, |name, value| size += name + value);
        size
    }
}

/// The fewest bytes that it takes in a batch, before compression: how far timestamp and offset are from those of the first message is
/// not known here.
///
/// # Safety
/// `message` is alive.
pub(super) unsafe fn record_size_of(message: Message) -> usize {
    /// Attributes, and the shortest that a timestamp and an offset may be.
    const FIXED: usize = 3;
    let prefixed = |size: usize| varint_size(size) + size;
    // SAFETY: by the contract.
    unsafe {
        let (mut headers, mut count) = (0, 0);
        each_header(message, |name, value| {
            headers += prefixed(name) + prefixed(value);
            count += 1;
        });
        let body = prefixed((*message).key_len) + prefixed((*message).len);
        prefixed(FIXED + body + varint_size(count) + headers)
    }
}

/// Of a zigzag-encoded number that is not negative.
fn varint_size(number: usize) -> usize {
    (usize::BITS - number.leading_zeros() + 1).div_ceil(7).max(1) as usize
}

/// Gives the sizes of each header's name and value.
///
/// # Safety
/// `message` is alive.
unsafe fn each_header(message: Message, mut header: impl FnMut(usize, usize)) {
    const FOUND: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
    let mut list = std::ptr::null_mut();
    // SAFETY: by the contract; the list and what is in it belong to the message.
    unsafe {
        if sys::rd_kafka_message_headers(message, &mut list) != FOUND {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut value_size) = (std::ptr::null(), std::ptr::null(), 0);
            if sys::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut value_size) != FOUND {
                break;
            }
            header(libc::strlen(name), value_size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME: *const c_char = c"part of a batch".as_ptr();

    fn mark(code: i32, text: usize) -> Mark {
        Mark {
            code,
            text: text as *const c_char,
        }
    }

    fn fates(code: i32, marks: &[Mark]) -> Vec<Fate> {
        judge(code, marks, |text| text == SAME)
    }

    #[test]
    fn a_message_alone_in_its_batch_is_at_fault() {
        assert_eq!(fates(TOO_LARGE, &[mark(TOO_LARGE, 0)]), [Fate::Culprit]);
    }

    #[test]
    fn several_named_ones_are_told_by_the_code_of_the_others() {
        let marks = [
            mark(DIFFERENT_RECORD, 8),
            mark(INVALID_RECORD, 16),
            mark(INVALID_RECORD, 0),
        ];
        assert_eq!(
            fates(INVALID_TIMESTAMP, &marks),
            [Fate::Innocent, Fate::Culprit, Fate::Culprit]
        );
    }

    #[test]
    fn a_single_named_one_is_told_by_the_text_of_the_others() {
        let marks = [mark(INVALID_RECORD, SAME as usize), mark(INVALID_RECORD, 16)];
        assert_eq!(fates(INVALID_RECORD, &marks), [Fate::Innocent, Fate::Culprit]);
    }

    #[test]
    fn all_may_be_named_or_nobody() {
        let each = [mark(INVALID_RECORD, 8), mark(INVALID_RECORD, 16)];
        assert_eq!(fates(INVALID_RECORD, &each), [Fate::Culprit; 2]);
        let late = [mark(INVALID_RECORD, 0), mark(INVALID_RECORD, 0)];
        assert_eq!(fates(INVALID_TIMESTAMP, &late), [Fate::Culprit; 2]);
        let nobody = [mark(TOO_LARGE, 8), mark(TOO_LARGE, 8)];
        assert_eq!(fates(TOO_LARGE, &nobody), [Fate::Unknown; 2]);
    }

    #[test]
    fn a_constant_of_librdkafka_is_told_from_allocated_text() {
        // SAFETY: gives a constant.
        assert!(is_constant(unsafe {
            sys::rd_kafka_err2str(RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD)
        }));
        let allocated = std::ffi::CString::new("part of a batch").unwrap();
        assert!(!is_constant(allocated.as_ptr()));
        assert!(!is_constant(std::ptr::null()));
    }

    #[test]
    fn sizes_of_varints_are_those_of_the_format() {
        let expected = [
            (0, 1),
            (63, 1),
            (64, 2),
            (8_191, 2),
            (8_192, 3),
            (1_048_575, 3),
            (1_048_576, 4),
        ];
        for (number, size) in expected {
            assert_eq!(varint_size(number), size, "{number}");
        }
    }
}
