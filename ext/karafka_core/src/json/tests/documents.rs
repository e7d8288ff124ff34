//! Documents, generated and then damaged.

use super::super::MAX_DEPTH;

/// Numbers enough for tests, the same for the same seed (xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

const SPACES: [&str; 12] = [
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    " ",
    "\n",
    "\t ",
    "\r\n",
    "                    ",
];
const NAMES: [&str; 12] = [
    "id",
    "name",
    "type",
    "a",
    "",
    "user_id_that_is_long",
    "dest",
    "b\\n",
    "\\u0061",
    "é",
    "longname",
    "c\\\"",
];
const SCALARS: [&str; 32] = [
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "123456789",
    "-987654321",
    "12345678901234567890",
    "1.5",
    "-0.25",
    "1e9",
    "2E-3",
    "0.0",
    "1.0e+2",
    "true",
    "false",
    "null",
    "\"\"",
    "\"text\"",
    "\"\\n\"",
    "\"a\\\\\"",
    "\"\\\\\\\"\"",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\"é😀\"",
    "\"{[,:]}\"",
    "\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
    "\"\\\\\\\\\\\\\\\\\"",
    "\"/\"",
    "\"\u{7f}\"",
    "[]",
    "{}",
];
const DAMAGE: [&str; 34] = [
    "\"", "\\", ",", ":", "[", "]", "{", "}", "-", "0", "1", ".", "e", "E", "+", "/", " ", "\n", "\0", "\u{1}",
    "\u{1f}", "t", "true", "null", "\\u", "\\ud800", "\\x", "\u{a0}", "\u{feff}", ",,", "\"a\"", "00", "--", "\u{7f}",
];

fn value(random: &mut Random, depth: usize, text: &mut String) {
    let space = |random: &mut Random, text: &mut String| text.push_str(random.pick(&SPACES));
    let kind = random.below(if depth == 0 { 4 } else { 10 });
    if kind < 4 {
        text.push_str(random.pick(&SCALARS));
        return;
    }
    let count = if random.below(20) == 0 { 40 } else { random.below(6) };
    let object = kind < 8;
    text.push(if object { '{' } else { '[' });
    space(random, text);
    for index in 0..count {
        if index > 0 {
            text.push(',');
            space(random, text);
        }
        if object {
            text.push('"');
            text.push_str(random.pick(&NAMES));
            if random.below(4) > 0 {
                text.push_str(&index.to_string());
            }
            text.push('"');
            space(random, text);
            text.push(':');
            space(random, text);
        }
        value(random, depth - 1, text);
        space(random, text);
    }
    text.push(if object { '}' } else { ']' });
}

pub fn document(random: &mut Random) -> Vec<u8> {
    let mut text = random.pick(&SPACES).to_owned();
    let levels = if random.below(40) == 0 {
        MAX_DEPTH - 3 + random.below(6)
    } else {
        0
    };
    text.push_str(&"[".repeat(levels));
    let depth = 1 + random.below(4);
    value(random, depth, &mut text);
    text.push_str(&"]".repeat(levels));
    text.push_str(random.pick(&SPACES));
    let mut bytes = text.into_bytes();
    for _ in 0..[0, 0, 1, 1, 2][random.below(5)] {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            3 => {
                let from = random.below(at + 1);
                let again = bytes[from..at].to_vec();
                bytes.splice(at..at, again);
            }
            _ => drop(bytes.splice(at..at, random.pick(&DAMAGE).bytes()).collect::<Vec<_>>()),
        }
    }
    bytes
}
