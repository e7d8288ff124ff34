//! The escapes of strings that are read over: their form only.

use super::masks::{Masks, BLOCK};

/// What is left of the last one.
#[derive(Default)]
pub struct Escapes {
    /// The first byte to come is escaped.
    open: bool,
    /// The number of bytes to come that belong to it.
    left: usize,
}

impl Escapes {
    pub fn is_open(&self) -> bool {
        self.open || self.left > 0
    }

    /// Takes out the quotes that are escaped. None where an escape is wrong. `rest` is what the masks are of, and all that
    /// follows.
    #[inline(never)]
    pub fn take(&mut self, masks: &mut Masks, rest: &[u8]) -> Option<()> {
        for (lane, backslash) in masks.backslash.iter().enumerate() {
            let mut escaped = u64::from(self.open);
            let mut backslash = backslash & !escaped;
            self.open = false;
            while backslash != 0 {
                let place = backslash.trailing_zeros() as usize;
                if place >= self.left {
                    self.left = place + length(rest.get(lane * BLOCK + place..)?)?;
                }
                escaped |= 2 << place;
                self.open = place == BLOCK - 1;
                backslash &= !(3 << place);
            }
            self.left = self.left.saturating_sub(BLOCK);
            masks.quote[lane] &= !escaped;
        }
        Some(())
    }
}

/// The bytes of the escape at a backslash. None for what is none, and for half a surrogate pair.
fn length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => match unit(bytes)? {
            0xd800..=0xdbff => matches!(unit(bytes.get(6..)?)?, 0xdc00..=0xdfff).then_some(12),
            0xdc00..=0xdfff => None,
            _ => Some(6),
        },
        _ => None,
    }
}

/// At `\u` and four digits.
fn unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits
        .iter()
        .try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn escapes_are_what_a_decoder_takes() {
        let mut units: Vec<String> = (0..=0xffff_u32)
            .step_by(97)
            .map(|unit| format!("\\u{unit:04x}"))
            .collect();
        units.extend(
            [
                "\\ud800", "\\udbff", "\\udc00", "\\uDFFF", "\\ud7ff", "\\ue000", "\\u00g0", "\\u12", "\\u", "\\U0041",
            ]
            .map(str::to_owned),
        );
        let pairs = [
            "\\ud83d\\ude00",
            "\\ud83d\\u0041",
            "\\ud83d\\ud83d",
            "\\ud83dx",
            "\\ud83d\\n",
            "\\uD834\\udd1e",
        ]
        .map(str::to_owned);
        let single = (0..=127_u8).map(|byte| format!("\\{}", char::from(byte)));
        for escape in units.into_iter().chain(pairs).chain(single) {
            let decoded = serde_json::from_str::<String>(&format!("\"{escape}\""));
            let mut at = 0;
            let mut taken = Some(());
            while taken.is_some() && at < escape.len() {
                if escape.as_bytes()[at] == b'\\' {
                    taken = length(&escape.as_bytes()[at..]).map(|length| at += length);
                } else {
                    at += 1;
                }
            }
            assert_eq!(taken.is_some(), decoded.is_ok(), "{escape}");
        }
    }
}
