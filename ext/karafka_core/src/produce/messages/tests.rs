use super::*;

fn draft(topic: &[u8]) -> Draft<'_> {
    Draft {
        topic: Some(topic),
        payload: Some(b"x"),
        ..Draft::default()
    }
}

#[test]
fn names_the_field_that_is_wrong() {
    let mut messages = Messages::new(3, 1);
    let long = vec![b'a'; 250];
    for topic in [&b""[..], b".", b"..", b"a b", b"a/b", &long] {
        assert_eq!(messages.push(&draft(topic)).unwrap_err().field, "topic");
    }
    let cases = [
        (
            Draft {
                topic: None,
                ..draft(b"t")
            },
            "topic",
        ),
        (
            Draft {
                payload: Some(b"four"),
                ..draft(b"t")
            },
            "payload",
        ),
        (
            Draft {
                partition: Some(-2),
                ..draft(b"t")
            },
            "partition",
        ),
        (
            Draft {
                partition: Some(1 << 40),
                ..draft(b"t")
            },
            "partition",
        ),
        (
            Draft {
                timestamp_ms: Some(-1),
                ..draft(b"t")
            },
            "timestamp",
        ),
        (
            Draft {
                timestamp_ms: Some(0),
                ..draft(b"t")
            },
            "timestamp",
        ),
        (
            Draft {
                partition_key: Some(b""),
                ..draft(b"t")
            },
            "partition_key",
        ),
    ];
    for (draft, field) in cases {
        assert_eq!(messages.push(&draft).unwrap_err().field, field);
    }
    assert!(messages.is_empty());
    assert_eq!(messages.header(b"a\0b", None).unwrap_err().field, "headers");
}

#[test]
fn keeps_nil_and_empty_apart_and_topics_once() {
    let mut messages = Messages::new(100, 3);
    messages.header(b"h", None).unwrap();
    messages.header(b"h", Some(b"")).unwrap();
    messages
        .push(&Draft {
            payload: None,
            key: Some(b""),
            ..draft(b"a")
        })
        .unwrap();
    messages.push(&draft(b"b")).unwrap();
    messages.push(&draft(b"a")).unwrap();
    assert_eq!(messages.topics.len(), 2);
    let first = messages.slots[0];
    assert_eq!(
        (messages.bytes(first.payload), messages.bytes(first.key)),
        (None, Some(&b""[..]))
    );
    let headers: Vec<_> = messages.headers_of(&first).collect();
    assert_eq!(headers, [(&b"h"[..], None), (b"h", Some(&b""[..]))]);
    assert_eq!(messages.headers_of(&messages.slots[1]).count(), 0);
    assert_eq!(messages.slots[2].topic, 0);
}

#[test]
fn makes_a_message_of_each_line_with_what_all_have_in_common() {
    let mut messages = Messages::new(9, 1);
    messages.header(b"h", Some(b"v")).unwrap();
    let common = Draft {
        key: Some(b"k"),
        partition: Some(2),
        ..draft(b"t")
    };
    messages.push(&common).unwrap();
    messages.spread(b"one\ntwo\r\n\n\rfour\r\nlast").unwrap();
    let payloads: Vec<_> = messages.slots.iter().map(|slot| messages.bytes(slot.payload)).collect();
    let expected = [&b"one"[..], b"two", b"", b"\rfour", b"last"];
    assert_eq!(payloads, expected.map(Some));
    for (index, slot) in messages.slots.iter().enumerate() {
        assert_eq!(messages.topic(index).unwrap().as_str(), "t");
        assert_eq!((messages.bytes(slot.key), slot.partition), (Some(&b"k"[..]), 2));
        let headers: Vec<_> = messages.headers_of(slot).collect();
        assert_eq!(headers, [(&b"h"[..], Some(&b"v"[..]))]);
    }
}

#[test]
fn says_which_line_is_too_long() {
    let mut messages = Messages::new(3, 1);
    messages.push(&draft(b"t")).unwrap();
    let (index, invalid) = messages.spread(b"one\nthree\nsix\n").unwrap_err();
    assert_eq!((index, invalid.field), (1, "payload"));
    assert_eq!(invalid.reason, "is 5 bytes, max_payload_size allows 3");
}
