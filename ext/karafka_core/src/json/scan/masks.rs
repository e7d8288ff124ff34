//! What the bytes of a document are, 256 of them at a time: a bit for each byte.

use std::arch::x86_64::*;

use super::lanes::LANES;

pub const BLOCK: usize = 64;
pub const WIDE: usize = BLOCK * LANES;

#[derive(Default)]
pub struct Masks {
    pub quote: [u64; LANES],
    pub backslash: [u64; LANES],
    pub comma: [u64; LANES],
    pub colon: [u64; LANES],
    /// All four.
    pub bracket: [u64; LANES],
    pub digit: [u64; LANES],
    /// The digit 0.
    pub zero: [u64; LANES],
    pub minus: [u64; LANES],
    pub space: [u64; LANES],
    /// Within the document.
    pub live: [u64; LANES],
    /// Tabs and line ends.
    pub control: [u64; LANES],
    /// No document has such a character.
    pub wrong: bool,
}

const QUOTE: u8 = 1;
const BACKSLASH: u8 = 1 << 1;
const COMMA: u8 = 1 << 2;
const COLON: u8 = 1 << 3;
const BRACKET: u8 = 1 << 4;
const DIGIT: u8 = 1 << 5;
const MINUS: u8 = 1 << 6;
const ZERO: u8 = 1 << 7;

// Two look-ups, by the low and by the high half of a byte, give its classes.
const LOW: [u8; 16] = {
    let mut table = [0; 16];
    let mut digit = 0;
    while digit < 10 {
        table[digit] = DIGIT;
        digit += 1;
    }
    table[0x0] |= ZERO;
    table[0x2] |= QUOTE;
    table[0xa] = COLON;
    table[0xb] = BRACKET;
    table[0xc] = BACKSLASH | COMMA;
    table[0xd] = BRACKET | MINUS;
    table
};
const HIGH: [u8; 16] = {
    let mut table = [0; 16];
    table[0x2] = QUOTE | COMMA | MINUS;
    table[0x3] = COLON | DIGIT | ZERO;
    table[0x5] = BACKSLASH | BRACKET;
    table[0x7] = BRACKET;
    table
};

impl Masks {
    /// Looks at up to WIDE bytes from `at` on.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    pub unsafe fn read(&mut self, bytes: &[u8], at: usize) {
        *self = Masks::default();
        let rest = &bytes[at..];
        // SAFETY: by contract.
        unsafe {
            for lane in 0..LANES {
                let Some(rest) = rest.get(lane * BLOCK..).filter(|rest| !rest.is_empty()) else {
                    break;
                };
                if let Some(block) = rest.first_chunk() {
                    self.look(lane, block, 0);
                } else if let Some(block) = bytes.last_chunk() {
                    // Its first bytes were looked at already.
                    self.look(lane, block, BLOCK - rest.len());
                } else {
                    let mut block = [b'x'; BLOCK];
                    block[BLOCK - rest.len()..].copy_from_slice(rest);
                    self.look(lane, &block, BLOCK - rest.len());
                }
            }
        }
    }

    /// One block without its first bytes.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn look(&mut self, lane: usize, block: &[u8; BLOCK], passed: usize) {
        // SAFETY: AVX2 exists by contract; each load stays within the block and the tables.
        unsafe {
            // Not closures: without the feature of what they are in, nothing of them becomes part of it.
            let low = _mm256_broadcastsi128_si256(_mm_loadu_si128(LOW.as_ptr().cast()));
            let high = _mm256_broadcastsi128_si256(_mm_loadu_si128(HIGH.as_ptr().cast()));
            let half = _mm256_set1_epi8(0x0f);
            let first = _mm256_loadu_si256(block.as_ptr().cast());
            let second = _mm256_loadu_si256(block.as_ptr().add(32).cast());
            macro_rules! classes {
                ($part:ident) => {
                    // A byte above 127 gives 0 by its low half.
                    _mm256_and_si256(
                        _mm256_shuffle_epi8(low, $part),
                        _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16::<4>($part), half)),
                    )
                };
            }
            macro_rules! join {
                ($first:expr, $second:expr) => {
                    (u64::from(_mm256_movemask_epi8($first) as u32)
                        | u64::from(_mm256_movemask_epi8($second) as u32) << 32)
                        >> passed
                };
            }
            let (first_classes, second_classes) = (classes!(first), classes!(second));
            macro_rules! class {
                ($left:literal) => {
                    join!(
                        _mm256_slli_epi16::<$left>(first_classes),
                        _mm256_slli_epi16::<$left>(second_classes)
                    )
                };
            }
            self.quote[lane] = class!(7);
            self.backslash[lane] = class!(6);
            self.comma[lane] = class!(5);
            self.colon[lane] = class!(4);
            self.bracket[lane] = class!(3);
            self.digit[lane] = class!(2);
            self.minus[lane] = class!(1);
            self.zero[lane] = class!(0);
            let space = _mm256_set1_epi8(b' ' as i8);
            self.space[lane] = join!(_mm256_cmpeq_epi8(first, space), _mm256_cmpeq_epi8(second, space));
            self.live[lane] = u64::MAX >> passed;
            let highest = _mm256_set1_epi8(0x1f);
            macro_rules! controls {
                ($part:expr) => {
                    _mm256_cmpeq_epi8(_mm256_min_epu8($part, highest), $part)
                };
            }
            if _mm256_movemask_epi8(controls!(_mm256_min_epu8(first, second))) != 0 {
                macro_rules! line_ends {
                    ($part:ident) => {
                        _mm256_or_si256(
                            _mm256_or_si256(
                                _mm256_cmpeq_epi8($part, _mm256_set1_epi8(b'\n' as i8)),
                                _mm256_cmpeq_epi8($part, _mm256_set1_epi8(b'\r' as i8)),
                            ),
                            _mm256_cmpeq_epi8($part, _mm256_set1_epi8(b'\t' as i8)),
                        )
                    };
                }
                self.control[lane] = join!(controls!(first), controls!(second));
                self.wrong |= self.control[lane] != join!(line_ends!(first), line_ends!(second));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(rest: &[u8], test: impl Fn(u8) -> bool) -> [u64; LANES] {
        let mut words = [0; LANES];
        for (place, byte) in rest.iter().take(WIDE).enumerate() {
            words[place / BLOCK] |= u64::from(test(*byte)) << (place % BLOCK);
        }
        words
    }

    #[test]
    fn every_byte_has_its_class_at_every_place() {
        if !is_x86_feature_detected!("avx2") {
            return;
        }
        let mut masks = Masks::default();
        for len in [1, 31, 63, 64, 65, 200, 256, 300] {
            for byte in 0..=u8::MAX {
                let other = |place| {
                    if place % 3 == 0 {
                        byte
                    } else {
                        byte.wrapping_add(place as u8)
                    }
                };
                let bytes: Vec<u8> = (0..len).map(other).collect();
                for at in [0, len / 2] {
                    let of = |test: fn(u8) -> bool| slow(&bytes[at..], test);
                    let is_line_end = |byte| matches!(byte, b'\t' | b'\n' | b'\r');
                    // SAFETY: AVX2 is there.
                    unsafe { masks.read(&bytes, at) };
                    assert_eq!(masks.quote, of(|byte| byte == b'"'));
                    assert_eq!(masks.backslash, of(|byte| byte == b'\\'));
                    assert_eq!(masks.comma, of(|byte| byte == b','));
                    assert_eq!(masks.colon, of(|byte| byte == b':'));
                    assert_eq!(masks.bracket, of(|byte| b"{}[]".contains(&byte)));
                    assert_eq!(masks.digit, of(|byte| byte.is_ascii_digit()));
                    assert_eq!(masks.zero, of(|byte| byte == b'0'));
                    assert_eq!(masks.minus, of(|byte| byte == b'-'));
                    assert_eq!(masks.space, of(|byte| byte == b' '));
                    assert_eq!(masks.live, of(|_| true));
                    assert_eq!(masks.control, of(|byte| byte < b' '));
                    let wrong = |byte: &u8| *byte < b' ' && !is_line_end(*byte);
                    assert!(masks.wrong || !bytes[at..].iter().take(WIDE).any(wrong));
                    assert!(!masks.wrong || bytes.iter().any(wrong));
                }
            }
        }
    }
}
