//! Reads over an object or an array 256 bytes at a time, as strictly as the Reader does: the bytes become bits (`masks`),
//! the bits of all tokens are checked at once (`grammar`). One by one go only brackets, escapes, the names directly within the
//! object, and words and numbers that are no plain integers. Where the processor cannot, the Reader does it.

#[cfg(target_arch = "x86_64")]
mod escapes;
#[cfg(target_arch = "x86_64")]
mod grammar;
#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod masks;
#[cfg(target_arch = "x86_64")]
mod nesting;

use super::{Names, Reader};

/// At a `{` or a `[`. Calls `member` at the value of each of the names, with its position. False where it has to be read in
/// the slow way, from the start: then nothing counts that was done. None: it is not ordinary.
#[inline(always)]
pub(super) fn over<'d>(
    reader: &mut Reader<'d>,
    names: &Names,
    member: &mut impl FnMut(&mut Reader<'d>, usize) -> Option<()>,
) -> Option<bool> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") {
        // SAFETY: both are asked for.
        return unsafe { wide(reader, names, member) };
    }
    let _ = (reader, names, member);
    Some(false)
}

/// # Safety
/// The processor has AVX2 and BMI1.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1")]
unsafe fn wide<'d>(
    reader: &mut Reader<'d>,
    names: &Names,
    member: &mut impl FnMut(&mut Reader<'d>, usize) -> Option<()>,
) -> Option<bool> {
    use masks::{Masks, BLOCK, WIDE};

    let bytes = reader.text.as_bytes();
    let start = reader.at;
    let mut masks = Masks::default();
    let mut seen = 0_u64;
    let mut at = start;
    // SAFETY: by contract.
    let mut grammar = unsafe { grammar::Grammar::at_value(super::MAX_DEPTH.checked_sub(reader.depth)?) };
    while at < bytes.len() {
        // SAFETY: by contract.
        let found = unsafe {
            masks.read(bytes, at);
            grammar.read(&mut masks, &bytes[at..])
        }?;
        if let Some(odd) = found.odd {
            tokens(reader.text, start, at, odd)?;
        }
        if !names.is_empty() {
            if found.escaped {
                return Some(false);
            }
            for (lane, quotes) in found.names.into_iter().enumerate() {
                let following = masks.quote.get(lane + 1).copied().unwrap_or(u64::MAX);
                let mut quotes = names.fitting(quotes, masks.quote[lane], following);
                while quotes != 0 {
                    let name = at + lane * BLOCK + quotes.trailing_zeros() as usize + 1;
                    quotes &= quotes - 1;
                    let Some((position, len)) = names.find(bytes, name) else {
                        continue;
                    };
                    (seen & 1 << position == 0).then_some(())?;
                    seen |= 1 << position;
                    let mut value = Reader {
                        text: reader.text,
                        at: name + len + 1,
                        depth: reader.depth + 1,
                    };
                    value.take(b':')?;
                    member(&mut value, position)?;
                }
            }
        }
        if let Some(end) = found.end {
            reader.at = at + end;
            return Some(true);
        }
        at += WIDE;
    }
    None
}

/// Reads the words and numbers that have these bytes of those from `at` on.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
fn tokens(text: &str, start: usize, at: usize, odd: [u64; lanes::LANES]) -> Option<()> {
    let bytes = text.as_bytes();
    let inside = |byte: &u8| {
        !matches!(
            byte,
            b',' | b':' | b'"' | b'[' | b']' | b'{' | b'}' | b'\t' | b'\n' | b'\r' | b' '
        )
    };
    let mut read = start;
    for (lane, mut odd) in odd.into_iter().enumerate() {
        while odd != 0 {
            let place = at + lane * masks::BLOCK + odd.trailing_zeros() as usize;
            odd &= odd - 1;
            if place < read {
                continue;
            }
            let before = bytes[start..place].iter().rev().take_while(|byte| inside(byte)).count();
            let mut reader = Reader {
                text,
                at: place - before,
                depth: 0,
            };
            reader.skip()?;
            (!bytes.get(reader.at).is_some_and(inside)).then_some(())?;
            read = reader.at;
        }
    }
    Some(())
}
