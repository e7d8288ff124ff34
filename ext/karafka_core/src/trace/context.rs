//! Where a span is in its trace, as W3C's Trace Context writes it: `00-TRACE-SPAN-FLAGS`.

use super::{ids, is_sampled};

/// The name of the header.
pub const HEADER: &[u8] = b"traceparent";
/// Of version 00; later ones may have more behind a dash.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    /// The span is recorded, and so is what comes of it.
    pub sampled: bool,
}

impl Context {
    /// Of a span without a parent.
    pub fn root() -> Self {
        let trace_id = ids::trace();
        Context {
            trace_id,
            span_id: ids::span(),
            sampled: is_sampled(trace_id),
        }
    }

    /// Of a span below this one.
    pub fn child(self) -> Self {
        Context {
            span_id: ids::span(),
            ..self
        }
    }

    /// None: that is no header of this kind. A header that cannot be read begins a new trace.
    pub fn parse(header: &[u8]) -> Option<Self> {
        let fields = header.get(..LENGTH)?;
        let longer = header.len() > LENGTH;
        let version = hex::<1>(fields.get(..2)?)?;
        let dashes = [2, 35, 52].iter().all(|at| fields.get(*at) == Some(&b'-'));
        let fits = match version {
            [0xff] => false,
            [0] => !longer,
            _ => !longer || header.get(LENGTH) == Some(&b'-'),
        };
        if !dashes || !fits {
            return None;
        }
        let context = Context {
            trace_id: hex(fields.get(3..35)?)?,
            span_id: hex(fields.get(36..52)?)?,
            sampled: hex::<1>(fields.get(53..)?)?[0] & SAMPLED != 0,
        };
        (context.trace_id != [0; 16] && context.span_id != [0; 8]).then_some(context)
    }

    /// The header's value.
    pub fn header(self) -> [u8; LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let (trace, rest) = text[3..].split_at_mut(32);
        write(trace, &self.trace_id);
        write(&mut rest[1..17], &self.span_id);
        write(&mut rest[18..], &[u8::from(self.sampled)]);
        text
    }
}

fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Lower case only, as the standard has it.
fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

fn write(into: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in into.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_is_read_and_written() {
        let context = Context::parse(EXAMPLE).unwrap();
        assert_eq!(context.span_id, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert!(context.sampled);
        assert_eq!(context.header().as_slice(), EXAMPLE);
        let child = context.child();
        assert_eq!((child.trace_id, child.sampled), (context.trace_id, true));
        assert_ne!(child.span_id, context.span_id);
        assert_eq!(Context::parse(&child.header()), Some(child));
    }

    #[test]
    fn what_is_no_context_is_none() {
        for wrong in [
            &b""[..],
            b"x",
            b"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\xff",
            b"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Context::parse(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
        let later = b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more";
        assert!(Context::parse(later).is_some_and(|context| !context.sampled));
    }
}
