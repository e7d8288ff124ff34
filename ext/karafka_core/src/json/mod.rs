//! Reads ordinary JSON: strict RFC 8259 that the host's parser is known to read the same way. None means "not ordinary", which
//! is no error yet: the host's own parser then reads the document. So every rule here may only be too strict.

mod names;
mod scan;
#[cfg(test)]
mod tests;
mod tree;

use std::borrow::Cow;

pub use names::{Names, MOST_NAMES};
pub use tree::{Node, Tree};

/// The host's limit; objects and arrays count the same.
const MAX_DEPTH: usize = 100;
/// The host may leave out digits past the 60th; up to here both round correctly.
const LONGEST_FLOAT: usize = 48;
/// All integers of this many digits fit into 64 bits.
const LONGEST_INTEGER: usize = 19;

pub struct Reader<'d> {
    text: &'d str,
    at: usize,
    depth: usize,
}

pub enum Number {
    Integer { negative: bool, magnitude: u64 },
    Float(f64),
}

struct Digits {
    negative: bool,
    magnitude: u64,
    count: usize,
    float: bool,
    start: usize,
}

impl<'d> Reader<'d> {
    /// None unless the bytes are UTF-8: the host may pass others through.
    pub fn new(bytes: &'d [u8]) -> Option<Self> {
        let text = if is_ascii(bytes) {
            // SAFETY: ASCII is UTF-8. It is found out faster, and most documents are.
            unsafe { std::str::from_utf8_unchecked(bytes) }
        } else {
            std::str::from_utf8(bytes).ok()?
        };
        Some(Reader { text, at: 0, depth: 0 })
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte of what comes next, after white space. None at the end.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Whether nothing but white space is left.
    pub fn finish(mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    pub fn word(&mut self, word: &str) -> Option<()> {
        let matches = self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes());
        matches.then(|| self.at += word.len())
    }

    fn enter(&mut self) -> Option<()> {
        self.at += 1;
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    // After a member: true when there is another one.
    fn more(&mut self, end: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        if byte == end {
            self.depth -= 1;
            return Some(false);
        }
        (byte == b',').then_some(true)
    }

    /// At a `{`. Calls `member` with each name; it has to read the value.
    #[inline(always)]
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, Cow<'d, str>) -> Option<()>) -> Option<()> {
        self.enter()?;
        if self.peek()? == b'}' {
            self.more(b'}')?;
            return Some(());
        }
        loop {
            self.peek()?;
            let name = self.string()?;
            self.take(b':')?;
            member(self, name)?;
            if !self.more(b'}')? {
                return Some(());
            }
        }
    }

    /// At a `[`. Calls `item` for each value; it has to read it.
    #[inline]
    pub fn array(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.enter()?;
        if self.peek()? == b']' {
            self.more(b']')?;
            return Some(());
        }
        loop {
            item(self)?;
            if !self.more(b']')? {
                return Some(());
            }
        }
    }

    /// Reads over one value. Nested no deeper than MAX_DEPTH, so the recursion is bounded.
    pub fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.skip_nested(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.digits().map(drop),
        }
    }

    fn skip_nested(&mut self) -> Option<()> {
        if scan::over(self, &Names::default(), &mut |_, _| None)? {
            return Some(());
        }
        match self.byte()? {
            b'{' => self.object(|reader, _| reader.skip()),
            _ => self.array(Self::skip),
        }
    }

    /// At a quote; None if it is not one.
    #[inline(always)]
    pub fn string(&mut self) -> Option<Cow<'d, str>> {
        (self.byte()? == b'"').then_some(())?;
        let start = self.at + 1;
        let end = self.end_of_plain(start)?;
        if self.text.as_bytes()[end] == b'"' {
            self.at = end + 1;
            return Some(Cow::Borrowed(self.text.get(start..end)?));
        }
        self.escaped(end).map(Cow::Owned)
    }

    // `end` is the first backslash, or a control character, which is not ordinary.
    #[cold]
    fn escaped(&mut self, mut end: usize) -> Option<String> {
        let bytes = self.text.as_bytes();
        while bytes[end] != b'"' {
            (bytes[end] == b'\\').then_some(())?;
            end = self.end_of_plain(end + 2)?;
        }
        // serde_json decodes the escapes and refuses lone surrogates.
        let string = serde_json::from_str(self.text.get(self.at..=end)?).ok()?;
        self.at = end + 1;
        Some(string)
    }

    // The next quote, backslash or control character; eight bytes at a time.
    #[inline(always)]
    fn end_of_plain(&self, mut at: usize) -> Option<usize> {
        const ONES: u64 = u64::MAX / 255;
        // The high bit of each byte below `limit`; bytes above the lowest such one may be marked wrongly.
        let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & (ONES << 7);
        let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let bytes = self.text.as_bytes();
        while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_le_bytes(*chunk);
            let found = below(word, b' ') | equal(word, b'"') | equal(word, b'\\');
            if found != 0 {
                return Some(at + found.trailing_zeros() as usize / 8);
            }
            at += 8;
        }
        let rest = bytes.get(at..)?;
        Some(
            at + rest
                .iter()
                .position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'))?,
        )
    }

    /// None for what is no number, and where the host's result could differ from ours.
    #[inline]
    pub fn number(&mut self) -> Option<Number> {
        let Digits {
            negative,
            magnitude,
            count,
            float,
            start,
        } = self.digits()?;
        if !float {
            // "-0" is the Integer 0.
            let ordinary = count <= LONGEST_INTEGER && !(negative && magnitude == 0);
            return ordinary.then_some(Number::Integer { negative, magnitude });
        }
        let text = self
            .text
            .get(start..self.at)
            .filter(|text| text.len() <= LONGEST_FLOAT)?;
        let value: f64 = text.parse().ok()?;
        // The host may warn about what is too large or too small.
        (value.is_normal() || value == 0.0).then_some(Number::Float(value))
    }

    // Checks the form; the magnitude is right for LONGEST_INTEGER digits.
    #[inline(always)]
    fn digits(&mut self) -> Option<Digits> {
        let start = self.at;
        let negative = self.byte()? == b'-';
        self.at += usize::from(negative);
        let first = self.at;
        let mut magnitude = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            magnitude = magnitude.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let count = self.at - first;
        let leading_zero = count > 1 && self.text.as_bytes()[first] == b'0';
        (count > 0 && !leading_zero).then_some(())?;
        let mut float = false;
        if self.byte() == Some(b'.') {
            self.at += 1;
            float = true;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            float = true;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.some_digits()?;
        }
        Some(Digits {
            negative,
            magnitude,
            count,
            float,
            start,
        })
    }

    fn some_digits(&mut self) -> Option<()> {
        let first = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        (self.at > first).then_some(())
    }
}

// As in the standard library, but in steps that compilers make wide ones of.
fn is_ascii(bytes: &[u8]) -> bool {
    let mut any = [0_u8; 32];
    let mut chunks = bytes.chunks_exact(any.len());
    for chunk in &mut chunks {
        any.iter_mut().zip(chunk).for_each(|(any, byte)| *any |= byte);
    }
    any.iter()
        .chain(chunks.remainder())
        .fold(0, |any, byte| any | byte)
        .is_ascii()
}
