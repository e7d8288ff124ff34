//! The names that are wanted of an object.

use std::borrow::Cow;

use super::{scan, Reader};

/// What one pass marks as seen in a word.
pub const MOST_NAMES: usize = 64;

#[derive(Debug)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
struct Name {
    text: Box<str>,
    /// Its first bytes and the quote behind it, as far as they fit, and which bits of a word they take. None match where a
    /// document can have it only with an escape.
    first: u64,
    bits: u64,
}

/// At most MOST_NAMES, no two the same.
#[derive(Debug, Default)]
pub struct Names {
    all: Vec<Name>,
    /// The lengths that they have.
    lengths: Vec<u32>,
}

/// To look for more of them costs more than it saves.
#[cfg(target_arch = "x86_64")]
const FEW: usize = 4;

impl Names {
    pub fn position(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|known| *known.text == *name)
    }

    /// Its position.
    pub fn add(&mut self, name: &str) -> usize {
        self.position(name).unwrap_or_else(|| {
            let (mut first, mut bits) = ([0; 8], [0; 8]);
            for (index, byte) in name.bytes().chain([b'"']).take(8).enumerate() {
                first[index] = byte;
                bits[index] = u8::MAX;
            }
            let never = name.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'));
            self.lengths.push(name.len() as u32);
            self.lengths.sort_unstable();
            self.lengths.dedup();
            self.all.push(Name {
                text: name.into(),
                first: if never { 1 } else { u64::from_le_bytes(first) },
                bits: if never { 0 } else { u64::from_le_bytes(bits) },
            });
            self.all.len() - 1
        })
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|name| &*name.text)
    }

    /// Of the quotes in front of names in 64 bytes those with another quote where one of these names ends. `quotes` are all in
    /// the same bytes, `following` those in the 64 bytes behind.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn fitting(&self, in_front: u64, quotes: u64, following: u64) -> u64 {
        if self.lengths.len() > FEW || self.lengths.last().is_some_and(|longest| *longest > 62) {
            return in_front;
        }
        let ends = self.lengths.iter().fold(0, |ends, length| {
            ends | quotes >> (length + 1) | following << (63 - length)
        });
        in_front & ends
    }

    /// Which of them is at `at`, with its closing quote, and its length. Escapes are not looked at.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn find(&self, bytes: &[u8], at: usize) -> Option<(usize, usize)> {
        let Some(word) = bytes.get(at..at + 8) else {
            return self.find_slowly(bytes.get(at..)?);
        };
        let word = <[u8; 8]>::try_from(word).map_or(0, u64::from_le_bytes);
        for (position, name) in self.all.iter().enumerate() {
            let len = name.text.len();
            if word & name.bits == name.first && (len < 8 || name.begins(&bytes[at..])) {
                return Some((position, len));
            }
        }
        None
    }

    #[cfg(target_arch = "x86_64")]
    #[cold]
    fn find_slowly(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let position = self.all.iter().position(|name| name.begins(bytes))?;
        Some((position, self.all[position].text.len()))
    }

    /// At a `{`: reads the object. Calls `member` at the value of each of these names, with the name's position; it has to
    /// read the value. All else is read over. None also where one of the names comes twice, since readers differ about that.
    ///
    /// What is called twice for one name is a second attempt from the start: the last call counts.
    #[inline(always)]
    pub fn object<'d>(
        &self,
        reader: &mut Reader<'d>,
        mut member: impl FnMut(&mut Reader<'d>, usize) -> Option<()>,
    ) -> Option<()> {
        if scan::over(reader, self, &mut member)? {
            return Some(());
        }
        let mut seen = 0_u64;
        reader.object(|reader, name: Cow<str>| {
            let Some(position) = self.position(&name) else {
                return reader.skip();
            };
            (seen & 1 << position == 0).then_some(())?;
            seen |= 1 << position;
            member(reader, position)
        })
    }
}

#[cfg(target_arch = "x86_64")]
impl Name {
    fn begins(&self, bytes: &[u8]) -> bool {
        self.bits != 0 && bytes.get(self.text.len()) == Some(&b'"') && bytes.starts_with(self.text.as_bytes())
    }
}
