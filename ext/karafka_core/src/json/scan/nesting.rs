//! Which brackets of a document are open.

use super::lanes::LANES;
use super::masks::BLOCK;

/// A bit for each, 1 for an object, the innermost the lowest.
pub struct Nesting {
    open: u128,
    depth: usize,
    deepest: usize,
}

/// Those of up to 256 bytes.
#[derive(Default)]
pub struct Brackets {
    pub curly: [u64; LANES],
    pub square: [u64; LANES],
    pub close: [u64; LANES],
    /// The places directly within an object.
    pub object: [u64; LANES],
    /// The places directly within the outermost brackets.
    pub root: [u64; LANES],
    /// How many bytes there are up to the end of the outermost.
    pub end: Option<usize>,
}

fn places(yes: bool) -> u64 {
    0_u64.wrapping_sub(u64::from(yes))
}

impl Nesting {
    /// `deepest` is below 128.
    pub fn new(deepest: usize) -> Self {
        Nesting {
            open: 0,
            depth: 0,
            deepest,
        }
    }

    fn within_object(&self) -> bool {
        self.open & 1 == 1
    }

    /// `found` has none yet. None where two do not belong together, and where they are too many.
    #[inline(always)]
    pub fn read(&mut self, brackets: [u64; LANES], rest: &[u8], found: &mut Brackets) -> Option<()> {
        for (lane, mut brackets) in brackets.into_iter().enumerate() {
            let (mut object, mut root) = (places(self.within_object()), places(self.depth == 1));
            while brackets != 0 {
                let place = brackets.trailing_zeros() as usize;
                let bit = 1 << place;
                brackets &= brackets - 1;
                let byte = *rest.get(lane * BLOCK + place)?;
                // `[` and `{`, and `]` and `}`, differ in one bit, opening and closing ones in another.
                let curly = byte & 0x20 != 0;
                if byte & 0x04 == 0 {
                    self.depth += 1;
                    (self.depth <= self.deepest).then_some(())?;
                    self.open = self.open << 1 | u128::from(curly);
                    *(if curly {
                        &mut found.curly[lane]
                    } else {
                        &mut found.square[lane]
                    }) |= bit;
                } else {
                    (self.depth > 0 && self.within_object() == curly).then_some(())?;
                    self.depth -= 1;
                    self.open >>= 1;
                    found.close[lane] |= bit;
                    if self.depth == 0 {
                        found.end = Some(lane * BLOCK + place + 1);
                        found.object[lane] = object;
                        found.root[lane] = root;
                        return Some(());
                    }
                }
                let above = !(bit | (bit - 1));
                object = object & !above | places(self.within_object()) & above;
                root = root & !above | places(self.depth == 1) & above;
            }
            found.object[lane] = object;
            found.root[lane] = root;
        }
        Some(())
    }
}
