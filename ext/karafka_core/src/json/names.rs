//! The names that are wanted of an object.

use std::borrow::Cow;

use super::{scan, Reader};

/// What one pass marks as seen in a word.
pub const MOST_NAMES: usize = 64;

#[derive(Debug)]
struct Name {
    text: Box<str>,
    /// Its first bytes and the quote behind it, as far as they fit, and which bits of a word they take. None match where a
    /// document can have it only with an escape.
    first: u64,
    bits: u64,
}

/// At most MOST_NAMES, no two alike.
#[derive(Debug, Default)]
pub struct Names(Vec<Name>);

impl Names {
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|known| *known.text == *name)
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
            self.0.push(Name {
                text: name.into(),
                first: if never { 1 } else { u64::from_le_bytes(first) },
                bits: if never { 0 } else { u64::from_le_bytes(bits) },
            });
            self.0.len() - 1
        })
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &*name.text)
    }

    /// Which of them is at `at`, with its closing quote, and its length. Escapes are not looked at.
    #[inline(always)]
    pub(super) fn find(&self, bytes: &[u8], at: usize) -> Option<(usize, usize)> {
        let Some(word) = bytes.get(at..at + 8) else {
            return self.find_slowly(bytes.get(at..)?);
        };
        let word = <[u8; 8]>::try_from(word).map_or(0, u64::from_le_bytes);
        for (position, name) in self.0.iter().enumerate() {
            let len = name.text.len();
            if word & name.bits == name.first && (len < 8 || name.begins(&bytes[at..])) {
                return Some((position, len));
            }
        }
        None
    }

    #[cold]
    fn find_slowly(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let position = self.0.iter().position(|name| name.begins(bytes))?;
        Some((position, self.0[position].text.len()))
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

impl Name {
    fn begins(&self, bytes: &[u8]) -> bool {
        self.bits != 0 && bytes.get(self.text.len()) == Some(&b'"') && bytes.starts_with(self.text.as_bytes())
    }
}
