//! Four words of 64 bits at once, the bits of 256 bytes in their order. Compiled into functions that have AVX2 only.

use std::arch::x86_64::*;
use std::ops::{BitAnd, BitOr, BitXor, Not};

pub const LANES: usize = 4;

#[derive(Clone, Copy)]
pub struct Lanes(__m256i);

/// All ones in the lanes whose bits are set.
const FLIPS: [[u64; LANES]; 16] = {
    let mut flips = [[0; LANES]; 16];
    let mut index = 0;
    while index < 64 {
        if (index / LANES) >> (index % LANES) & 1 == 1 {
            flips[index / LANES][index % LANES] = u64::MAX;
        }
        index += 1;
    }
    flips
};

/// # Safety
/// Of all in here: the processor has AVX2.
impl Lanes {
    #[inline(always)]
    pub unsafe fn load(words: &[u64; LANES]) -> Self {
        // SAFETY: AVX2 by contract; 32 readable bytes.
        Lanes(unsafe { _mm256_loadu_si256(words.as_ptr().cast()) })
    }

    #[inline(always)]
    pub unsafe fn words(self) -> [u64; LANES] {
        let mut words = [0; LANES];
        // SAFETY: AVX2 by contract; 32 bytes that may be written.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) };
        words
    }

    #[inline(always)]
    pub unsafe fn none() -> Self {
        // SAFETY: AVX2 by contract.
        Lanes(unsafe { _mm256_setzero_si256() })
    }

    #[inline(always)]
    pub unsafe fn is_none(self) -> bool {
        // SAFETY: AVX2 by contract.
        unsafe { _mm256_testz_si256(self.0, self.0) != 0 }
    }

    /// `self` without `other`.
    #[inline(always)]
    pub unsafe fn but(self, other: Self) -> Self {
        // SAFETY: AVX2 by contract.
        Lanes(unsafe { _mm256_andnot_si256(other.0, self.0) })
    }

    /// The places one up; into the first comes what was the last of `before`.
    #[inline(always)]
    pub unsafe fn up(self, before: Self) -> Self {
        // SAFETY: AVX2 by contract.
        unsafe {
            let shifted = _mm256_alignr_epi8::<8>(self.0, _mm256_permute2x128_si256::<0x21>(before.0, self.0));
            Lanes(_mm256_or_si256(
                _mm256_slli_epi64::<1>(self.0),
                _mm256_srli_epi64::<63>(shifted),
            ))
        }
    }

    /// Each bit says whether the number of ones up to it, with it, is odd, `odd` counted as one before them. With it comes
    /// the same for what follows.
    #[inline(always)]
    pub unsafe fn parity(self, odd: bool) -> (Self, bool) {
        // SAFETY: AVX2 by contract.
        unsafe {
            let mut bits = self.0;
            bits = _mm256_xor_si256(bits, _mm256_slli_epi64::<1>(bits));
            bits = _mm256_xor_si256(bits, _mm256_slli_epi64::<2>(bits));
            bits = _mm256_xor_si256(bits, _mm256_slli_epi64::<4>(bits));
            bits = _mm256_xor_si256(bits, _mm256_slli_epi64::<8>(bits));
            bits = _mm256_xor_si256(bits, _mm256_slli_epi64::<16>(bits));
            bits = _mm256_xor_si256(bits, _mm256_slli_epi64::<32>(bits));
            // The last bit of each lane is that of the whole lane.
            let mut flips = (_mm256_movemask_pd(_mm256_castsi256_pd(bits)) as usize) << 1 | usize::from(odd);
            flips ^= flips << 1;
            flips ^= flips << 2;
            flips ^= flips << 4;
            let flipped = Lanes(bits) ^ Lanes::load(&FLIPS[flips & 15]);
            (flipped, flips & 16 != 0)
        }
    }
}

impl BitAnd for Lanes {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        // SAFETY: whoever made the two had AVX2.
        Lanes(unsafe { _mm256_and_si256(self.0, other.0) })
    }
}

impl BitOr for Lanes {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        // SAFETY: as above.
        Lanes(unsafe { _mm256_or_si256(self.0, other.0) })
    }
}

impl BitXor for Lanes {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        // SAFETY: as above.
        Lanes(unsafe { _mm256_xor_si256(self.0, other.0) })
    }
}

impl Not for Lanes {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        // SAFETY: as above.
        Lanes(unsafe { _mm256_xor_si256(self.0, _mm256_set1_epi8(-1)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_move_and_are_counted_over_the_lanes() {
        if !is_x86_feature_detected!("avx2") {
            return;
        }
        // SAFETY: AVX2 is there.
        unsafe {
            let words = [1 << 63, 5, 1 << 63 | 1, 1 << 63];
            let before = Lanes::load(&[0, 0, 0, 1 << 63]);
            assert_eq!(Lanes::load(&words).up(before).words(), [1, 11, 2, 1]);
            assert_eq!(Lanes::load(&words).up(Lanes::none()).words(), [0, 11, 2, 1]);
            for odd in [false, true] {
                let (parity, last) = Lanes::load(&words).parity(odd);
                let mut expected = odd;
                for place in 0..256 {
                    expected ^= words[place / 64] >> (place % 64) & 1 == 1;
                    assert_eq!(parity.words()[place / 64] >> (place % 64) & 1 == 1, expected, "{place}");
                }
                assert_eq!(last, expected);
            }
        }
    }
}
