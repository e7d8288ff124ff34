//! What is committed beside the offset: the user's own text, and which messages beyond the offset are finished.
//!
//! `krs1:<finished>.<topic id>.<began with>:<user's text>`, where the second and third may be missing. Without finished messages
//! a text of the user's stands alone, so other tools read what the user wrote, and what they wrote is a text of the user's.
//! The finished ones are base64 of one kind byte and either a bitmap or varints of alternating lengths
//! (not finished, finished, not finished, …), both from the committed offset on; the shorter one is taken.

use std::ops::Range;
use std::sync::Arc;

const MARK: &str = "krs1:";
/// Kafka's default for `offset.metadata.max.bytes`.
pub const MAX_BYTES: usize = 4_096;
const RUNS: u8 = 0;
const BITMAP: u8 = 1;
/// Offsets that one bitmap may stretch over where it is read: no text of a broker makes us allocate more.
const MAX_BITMAP_BYTES: usize = 64 * 1024;

/// What an origin takes at most: two dots, an id, a number.
const ORIGIN_BYTES: usize = 2 + 22 + 10;

/// Which topic of that name a commit is about, and how the group began to read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// None: not known.
    pub topic_id: Option<Arc<str>>,
    /// This number of partitions were begun at their end, with `initial_offset` "latest". Those with this number and higher ones came
    /// later, and begin at their beginning.
    pub began_with: i32,
}

impl Origin {
    fn text(&self) -> String {
        let id = self.topic_id.as_deref().unwrap_or_default();
        match (id, self.began_with) {
            ("", 0) => String::new(),
            (id, 0) => format!(".{id}"),
            (id, count) => format!(".{id}.{count}"),
        }
    }
}

/// What was read beside an offset.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decoded<'a> {
    pub finished: Vec<Range<i64>>,
    /// None: nobody of ours has written it, or there was no room.
    pub origin: Option<Origin>,
    pub user: &'a str,
}

/// Raw bytes that fit beside `user`.
pub fn room(max_bytes: usize, user: &str) -> usize {
    max_bytes.saturating_sub(MARK.len() + ORIGIN_BYTES + 1 + user.len()) / 4 * 3
}

/// None: nothing to say. What does not fit is left out from the end on: those messages would be delivered again. A text
/// of the user's that does not fit is left out whole: the offset counts more.
pub fn encode(
    frontier: i64,
    finished: &[Range<i64>],
    user: Option<&str>,
    origin: &Origin,
    max_bytes: usize,
) -> Option<String> {
    let user = user.filter(|text| text.len() <= max_bytes);
    let text = user.unwrap_or_default();
    let origin = origin.text();
    match pack(frontier, finished, room(max_bytes, text)) {
        Some(bytes) => Some(format!("{MARK}{}{origin}:{text}", base64(&bytes))),
        None if text.starts_with(MARK) => Some(format!("{MARK}:{text}")),
        None if text.is_empty() && !origin.is_empty() && MARK.len() + origin.len() < max_bytes => {
            Some(format!("{MARK}{origin}:"))
        }
        None => user.map(str::to_owned),
    }
}

/// A text that is not of ours is the user's.
pub fn decode(frontier: i64, metadata: &str) -> Decoded<'_> {
    let parts = metadata.strip_prefix(MARK).and_then(|rest| rest.split_once(':'));
    let Some((ours, user)) = parts else {
        return Decoded {
            user: metadata,
            ..Decoded::default()
        };
    };
    let mut parts = ours.split('.');
    let finished = parts
        .next()
        .and_then(unbase64)
        .and_then(|bytes| unpack(frontier, &bytes));
    let origin = parts.next().map(|id| Origin {
        topic_id: (!id.is_empty()).then(|| Arc::from(id)),
        began_with: parts.next().and_then(|count| count.parse().ok()).unwrap_or(0),
    });
    Decoded {
        finished: finished.unwrap_or_default(),
        origin,
        user,
    }
}

fn pack(frontier: i64, finished: &[Range<i64>], room: usize) -> Option<Vec<u8>> {
    let last = finished.last()?;
    let bitmap_bytes = usize::try_from((last.end - frontier + 7) / 8).unwrap_or(usize::MAX);
    let (runs, all) = pack_runs(frontier, finished, room);
    if all && runs.len() <= bitmap_bytes {
        return Some(runs);
    }
    if bitmap_bytes < room {
        return Some(pack_bitmap(frontier, finished, bitmap_bytes));
    }
    // Neither holds all of it: a bitmap of the first part, or the runs that fit, whichever reaches further.
    let held = 8 * room.saturating_sub(1).min(MAX_BITMAP_BYTES);
    let runs_reach = reach(frontier, &runs);
    if held as i64 > runs_reach && held > 0 {
        return Some(pack_bitmap(frontier, finished, held / 8));
    }
    (runs.len() > 1).then_some(runs)
}

/// The lengths, and whether all fit.
fn pack_runs(frontier: i64, finished: &[Range<i64>], room: usize) -> (Vec<u8>, bool) {
    let mut bytes = vec![RUNS];
    let mut at = frontier;
    for run in finished {
        let before = bytes.len();
        put_varint(&mut bytes, (run.start - at).max(0) as u64);
        put_varint(&mut bytes, (run.end - run.start).max(0) as u64);
        if bytes.len() > room {
            bytes.truncate(before);
            return (bytes, false);
        }
        at = run.end;
    }
    (bytes, true)
}

fn reach(frontier: i64, runs: &[u8]) -> i64 {
    let end = unpack(frontier, runs).and_then(|runs| runs.last().map(|run| run.end));
    end.map_or(0, |end| end - frontier)
}

fn pack_bitmap(frontier: i64, finished: &[Range<i64>], size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size + 1];
    bytes[0] = BITMAP;
    for offset in finished.iter().cloned().flatten() {
        let bit = (offset - frontier) as usize;
        match bytes.get_mut(1 + bit / 8) {
            Some(byte) => *byte |= 1 << (bit % 8),
            None => break,
        }
    }
    bytes
}

/// None: not of ours, or damaged.
fn unpack(frontier: i64, bytes: &[u8]) -> Option<Vec<Range<i64>>> {
    let (kind, mut rest) = bytes.split_first()?;
    let mut runs: Vec<Range<i64>> = Vec::new();
    let mut at = frontier;
    match *kind {
        RUNS => {
            while !rest.is_empty() {
                let from = at.checked_add(take_varint(&mut rest)?)?;
                at = from.checked_add(take_varint(&mut rest)?)?;
                if from < at {
                    runs.push(from..at);
                }
            }
        }
        BITMAP if rest.len() <= MAX_BITMAP_BYTES => {
            for bit in 0..8 * rest.len() {
                if rest[bit / 8] & (1 << (bit % 8)) == 0 {
                    continue;
                }
                let offset = at.checked_add(bit as i64)?;
                match runs.last_mut() {
                    Some(last) if last.end == offset => last.end += 1,
                    _ => runs.push(offset..offset + 1),
                }
            }
        }
        _ => return None,
    }
    Some(runs)
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return i64::try_from(value).ok();
        }
    }
    None
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Without padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(DIGITS[(word >> (18 - 6 * digit)) as usize & 63] as char);
        }
    }
    text
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut word = 0u32;
        for byte in chunk {
            let digit = DIGITS.iter().position(|digit| digit == byte)?;
            word = word << 6 | digit as u32;
        }
        word <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(&word.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
