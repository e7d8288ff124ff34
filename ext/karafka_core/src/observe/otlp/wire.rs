//! The protobuf of OTLP, as far as it is sent and read here, with the numbers that opentelemetry-proto 1 gives to fields:
//! `collector/trace/v1/trace_service.proto`, `trace/v1/trace.proto`, `resource/v1/resource.proto` and `common/v1/common.proto`.

use std::collections::BTreeMap;

use crate::trace::{Attribute, Failure, Operation, Span};

const SCOPE: &str = "karafka-rs";
const KIND_PRODUCER: u64 = 4;
const KIND_CONSUMER: u64 = 5;
const STATUS_ERROR: u64 = 2;
const FLAG_SAMPLED: u32 = 1;
/// What a span of a batch takes, about.
const SPAN_BYTES: usize = 512;

/// How a field is written on the wire.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED_32: u64 = 5;

/// One message: its fields as bytes.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.key(field, VARINT);
        self.varint(value);
        self
    }

    fn fixed_64(mut self, field: u64, value: u64) -> Self {
        self.key(field, FIXED_64);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn fixed_32(mut self, field: u64, value: u32) -> Self {
        self.key(field, FIXED_32);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.key(field, LENGTH);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// In place, as a span has two dozen of them: behind one byte for the length, which is enough for most.
    fn message(mut self, field: u64, fill: impl FnOnce(Message) -> Message) -> Self {
        self.key(field, LENGTH);
        self.0.push(0);
        let begin = self.0.len();
        let mut made = fill(self);
        let length = made.0.len() - begin;
        if length < 0x80 {
            made.0[begin - 1] = length as u8;
            return made;
        }
        let mut prefix = Message::default();
        prefix.varint(length as u64);
        made.0.splice(begin - 1..begin, prefix.0);
        made
    }

    fn text(self, field: u64, key: &str, value: &str) -> Self {
        self.message(field, |pair| {
            pair.bytes(1, key.as_bytes())
                .message(2, |any| any.bytes(1, value.as_bytes()))
        })
    }

    fn attribute(self, field: u64, key: &str, value: &Attribute) -> Self {
        match value {
            Attribute::Text(value) => self.text(field, key, value),
            Attribute::Numeral(value) => self.text(field, key, &value.to_string()),
            // A negative one is written as ten bytes.
            Attribute::Number(value) => self.message(field, |pair| {
                pair.bytes(1, key.as_bytes())
                    .message(2, |any| any.number(3, *value as u64))
            }),
        }
    }
}

/// The body of a request: ExportTraceServiceRequest.
pub(super) fn request(resource: &BTreeMap<String, String>, spans: &[Span]) -> Vec<u8> {
    Message(Vec::with_capacity(spans.len() * SPAN_BYTES))
        .message(1, |of_resource| {
            of_resource
                .message(1, |made| {
                    let attributes = resource.iter();
                    attributes.fold(made, |made, (key, value)| made.text(1, key, value))
                })
                .message(2, |of_scope| {
                    let of_scope = of_scope.message(1, |scope| {
                        scope
                            .bytes(1, SCOPE.as_bytes())
                            .bytes(2, env!("CARGO_PKG_VERSION").as_bytes())
                    });
                    spans
                        .iter()
                        .fold(of_scope, |made, span| made.message(2, |made| write(made, span)))
                })
        })
        .0
}

fn write(made: Message, span: &Span) -> Message {
    let operation = span.operation.as_str();
    let kind = match span.operation {
        Operation::Send => KIND_PRODUCER,
        Operation::Process => KIND_CONSUMER,
    };
    let mut made = made.bytes(1, &span.context.trace_id).bytes(2, &span.context.span_id);
    if let Some(parent) = span.parent {
        made = made.bytes(4, &parent);
    }
    made = made
        .bytes(5, format!("{operation} {}", span.topic).as_bytes())
        .number(6, kind)
        .fixed_64(7, span.begun_ns)
        .fixed_64(8, span.ended_ns)
        .text(9, "messaging.system", "kafka")
        .text(9, "messaging.operation.name", operation)
        .text(9, "messaging.operation.type", operation)
        .text(9, "messaging.destination.name", &span.topic);
    for (key, value) in &span.attributes {
        made = made.attribute(9, key, value);
    }
    for link in &span.links {
        made = made.message(13, |made| {
            made.bytes(1, &link.trace_id)
                .bytes(2, &link.span_id)
                .fixed_32(6, u32::from(link.sampled))
        });
    }
    if let Some(failure) = &span.failure {
        made = failed(made, failure, span.ended_ns);
    }
    made.fixed_32(16, FLAG_SAMPLED)
}

/// An attribute, an event as of an exception, and the status.
fn failed(span: Message, failure: &Failure, at_ns: u64) -> Message {
    span.text(9, "error.type", &failure.kind)
        .message(11, |event| {
            event
                .fixed_64(1, at_ns)
                .bytes(2, b"exception")
                .text(3, "exception.type", &failure.kind)
                .text(3, "exception.message", &failure.message)
        })
        .message(15, |status| {
            status.bytes(2, failure.message.as_bytes()).number(3, STATUS_ERROR)
        })
}

/// How many spans a collector has rejected, which has taken the request: `partial_success.rejected_spans` of
/// ExportTraceServiceResponse. What is no answer of this kind rejects none.
pub(super) fn rejected(body: &[u8]) -> u64 {
    let rejected = field(body, 1).and_then(|partial| match partial {
        Value::Bytes(partial) => field(partial, 1),
        Value::Number(_) => None,
    });
    match rejected {
        Some(Value::Number(count)) => u64::try_from(count as i64).unwrap_or(0),
        _ => 0,
    }
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The first field with that number. None: there is none, or these bytes are no message.
fn field(mut bytes: &[u8], wanted: u64) -> Option<Value<'_>> {
    while !bytes.is_empty() {
        let key = read_varint(&mut bytes)?;
        let value = match key & 7 {
            VARINT => Value::Number(read_varint(&mut bytes)?),
            FIXED_64 => Value::Bytes(read(&mut bytes, 8)?),
            LENGTH => {
                let length = usize::try_from(read_varint(&mut bytes)?).ok()?;
                Value::Bytes(read(&mut bytes, length)?)
            }
            FIXED_32 => Value::Bytes(read(&mut bytes, 4)?),
            _ => return None,
        };
        if key >> 3 == wanted {
            return Some(value);
        }
    }
    None
}

fn read<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = *read(bytes, 1)? else { return None };
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_the_documentation_of_protobuf_has_them() {
        assert_eq!(Message::default().number(1, 150).0, [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().bytes(2, b"testing").0, b"\x12\x07testing");
        assert_eq!(Message::default().number(1, u64::MAX).0.len(), 11);
    }

    #[test]
    fn a_length_has_as_many_bytes_as_it_needs() {
        for (size, length) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 1]),
            (20_000, &[0xa0, 0x9c, 1]),
        ] {
            let inner = vec![7; size];
            let made = Message::default().number(1, 5).message(2, |mut made| {
                made.0.extend_from_slice(&inner);
                made
            });
            assert_eq!(
                made.number(3, 6).0,
                [&[8, 5, 0x12][..], length, &inner, &[24, 6]].concat()
            );
        }
    }

    #[test]
    fn only_what_a_collector_says_it_rejected_counts() {
        let answer = |count: i64| {
            Message::default()
                .fixed_32(7, 1)
                .message(1, |partial| partial.number(1, count as u64).bytes(2, b"why"))
                .0
        };
        assert_eq!(rejected(&answer(300)), 300);
        assert_eq!(rejected(&answer(-1)), 0);
        for nothing in [
            &b""[..],
            b"<html>",
            b"\x0a\xff",
            b"\x0a",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(rejected(nothing), 0);
        }
    }
}
