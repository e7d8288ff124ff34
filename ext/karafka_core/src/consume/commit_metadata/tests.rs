#![allow(clippy::single_range_in_vec_init)]

use super::*;

fn there_and_back(frontier: i64, finished: &[Range<i64>], user: Option<&str>) -> usize {
    let text = encode(frontier, finished, user, &Origin::default(), MAX_BYTES).expect("something to say");
    assert!(text.len() <= MAX_BYTES, "{}", text.len());
    let decoded = decode(frontier, &text);
    assert_eq!(
        (&decoded.finished[..], decoded.user),
        (finished, user.unwrap_or_default())
    );
    text.len()
}

fn origin(topic_id: Option<&str>, began_with: i32) -> Origin {
    Origin {
        topic_id: topic_id.map(Arc::from),
        began_with,
    }
}

#[test]
fn a_commit_says_which_topic_it_is_about() {
    let id = Some("Kd2Fz+oARUaHX0/nr4C1Bg");
    for given in [
        origin(id, 0),
        origin(id, 12),
        origin(None, i32::MAX),
        origin(id, i32::MAX),
    ] {
        let alone = encode(5, &[], None, &given, MAX_BYTES).expect("a text");
        assert!(alone.len() <= MARK.len() + ORIGIN_BYTES + 1, "{alone}");
        assert_eq!(decode(5, &alone).origin.as_ref(), Some(&given));
        let text = encode(5, &[6..9], Some("mine"), &given, MAX_BYTES).expect("a text");
        let decoded = decode(5, &text);
        assert_eq!((decoded.finished.len(), decoded.user), (1, "mine"));
        assert_eq!(decoded.origin, Some(given));
    }
    assert_eq!(encode(5, &[], None, &origin(id, 3), 20), None, "no room");
}

#[test]
fn what_others_read_or_wrote_is_the_users_text() {
    let given = origin(Some("Kd2Fz+oARUaHX0/nr4C1Bg"), 3);
    assert_eq!(encode(5, &[], Some("mine"), &given, MAX_BYTES).as_deref(), Some("mine"));
    assert_eq!(decode(5, "{\"theirs\":1}").origin, None);
    assert_eq!(decode(5, "krs1:AAEB:mine").origin, None);
}

#[test]
fn finished_messages_and_the_users_text_come_back() {
    there_and_back(100, &[101..105], None);
    there_and_back(100, &[101..105, 300..301], Some("a:b"));
    there_and_back(1 << 40, &[(1 << 40) + 1..(1 << 41)], Some("é"));
    there_and_back(0, &[100_000_000..100_000_001], Some("far"));
    // Every second one: as runs that would be 2 bytes each.
    let scattered: Vec<Range<i64>> = (0..10_000).map(|n| 2 * n + 1..2 * n + 2).collect();
    let size = there_and_back(0, &scattered, Some("mine"));
    assert!(size < 20_000 / 8 * 4 / 3 + 20, "{size}");
}

#[test]
fn without_finished_messages_it_is_the_users_text() {
    assert_eq!(encode(5, &[], None, &Origin::default(), MAX_BYTES), None);
    assert_eq!(
        encode(5, &[], Some("mine"), &Origin::default(), MAX_BYTES).as_deref(),
        Some("mine")
    );
    assert_eq!(decode(5, "mine").user, "mine");
    let odd = encode(5, &[], Some("krs1:x:y"), &Origin::default(), MAX_BYTES).expect("a text");
    assert_eq!(decode(5, &odd).user, "krs1:x:y");
}

#[test]
fn what_does_not_fit_is_left_out_from_the_end_on() {
    let scattered: Vec<Range<i64>> = (0..100_000).map(|n| 3 * n + 1..3 * n + 2).collect();
    let user = "u".repeat(1_000);
    let text = encode(0, &scattered, Some(&user), &Origin::default(), MAX_BYTES).expect("a text");
    assert!(
        text.len() <= MAX_BYTES && text.len() > MAX_BYTES - 8 - ORIGIN_BYTES,
        "{}",
        text.len()
    );
    let Decoded {
        finished, user: found, ..
    } = decode(0, &text);
    assert_eq!(found, user);
    assert!(finished.len() > 5_000, "{}", finished.len());
    assert_eq!(finished[..], scattered[..finished.len()]);
    let full = "u".repeat(MAX_BYTES);
    assert_eq!(
        encode(0, &scattered, Some(&full), &Origin::default(), MAX_BYTES),
        Some(full)
    );
}

#[test]
fn damaged_text_says_nothing() {
    for text in [
        "krs1:",
        "krs1::",
        "krs1:A",
        "krs1:****:x",
        "krs1:CAAA:x",
        "krs1:AP__________________8:x",
    ] {
        assert_eq!(decode(7, text).finished, vec![], "{text}");
    }
    assert_eq!(
        decode(i64::MAX, "krs1:AAEB:x").finished,
        vec![],
        "beyond the last offset"
    );
}
