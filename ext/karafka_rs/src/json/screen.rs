//! Cheap looks at a whole document before it is read: what they doubt goes to Ruby's parser.

/// Ruby's limit, `max_nesting`; arrays and objects count alike.
pub const MAX_DEPTH: usize = 100;

/// Ruby's Float leaves out digits past the 60th, serde_json rounds all of them. Below this both round correctly.
const LONG_NUMBER: usize = 48;
/// A run of LONG_NUMBER covers three samples in a row, wherever it starts.
const STRIDE: usize = LONG_NUMBER / 3;

/// The document as text, if it is UTF-8 and has no long run of digits. With the text known to be UTF-8,
/// serde_json need not check string by string.
pub fn ordinary(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!has_long_number(bytes)).then_some(text)
}

fn numeric(byte: &u8) -> bool {
    byte.is_ascii_digit() || *byte == b'.'
}

// Looks at one byte in sixteen, so it costs next to nothing on a document without such runs.
fn has_long_number(bytes: &[u8]) -> bool {
    let mut samples = 0;
    for at in (0..bytes.len()).step_by(STRIDE) {
        if !numeric(&bytes[at]) {
            samples = 0;
            continue;
        }
        samples += 1;
        if samples >= 3 && run_around(bytes, at) >= LONG_NUMBER {
            return true;
        }
    }
    false
}

// Counts no further than LONG_NUMBER to each side: a document of nothing but digits must not cost its square.
fn run_around(bytes: &[u8], at: usize) -> usize {
    let before = bytes[..at]
        .iter()
        .rev()
        .take(LONG_NUMBER)
        .take_while(|byte| numeric(byte))
        .count();
    let after = bytes[at..]
        .iter()
        .take(LONG_NUMBER)
        .take_while(|byte| numeric(byte))
        .count();
    before + after
}

/// Whether nesting goes deeper than Ruby allows. serde_json skips ignored values without counting, so a document
/// that is read in part is measured as a whole. Right for valid JSON; serde_json refuses the rest.
pub fn too_deep(bytes: &[u8]) -> bool {
    openers(bytes) > MAX_DEPTH && deepest(bytes) > MAX_DEPTH
}

// Chunks of at most 255 keep the sums in bytes, which the compiler turns into vector code.
fn openers(bytes: &[u8]) -> usize {
    let opener = |byte: &u8| u8::from(byte | 0x20 == b'{');
    bytes
        .chunks(192)
        .map(|chunk| usize::from(chunk.iter().map(opener).sum::<u8>()))
        .sum()
}

fn deepest(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut in_string = false;
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                rest.next();
            }
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
