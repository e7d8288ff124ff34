//! The short cuts beside reading token by token, and beside another crate's reader.

mod documents;

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Names, Reader, MAX_DEPTH};
use documents::{document, Random};

/// Reads a value token by token.
fn walk<'d>(reader: &mut Reader<'d>) -> Option<()> {
    match reader.peek()? {
        b'{' => reader.object(|reader, _| walk(reader)),
        b'[' => reader.array(walk),
        _ => reader.skip(),
    }
}

type Fields = Vec<Option<String>>;

fn note<'d>(
    fields: &mut Fields,
    position: usize,
    reader: &mut Reader<'d>,
    read: fn(&mut Reader<'d>) -> Option<()>,
) -> Option<()> {
    reader.peek()?;
    let start = reader.at;
    read(reader)?;
    fields[position] = Some(reader.text.get(start..reader.at)?.to_owned());
    Some(())
}

/// The text of each wanted field of an object, token by token.
fn slowly(bytes: &[u8], names: &Names) -> Option<Fields> {
    let mut fields = vec![None; names.len()];
    let mut reader = Reader::new(bytes)?;
    if reader.peek()? == b'{' {
        reader.object(|reader, name| {
            let Some(position) = names.position(&name) else {
                return walk(reader);
            };
            fields[position].is_none().then_some(())?;
            note(&mut fields, position, reader, walk)
        })?;
    } else {
        walk(&mut reader)?;
    }
    reader.finish()?;
    Some(fields)
}

/// The same with all short cuts.
fn fast(bytes: &[u8], names: &Names) -> Option<Fields> {
    let mut fields = vec![None; names.len()];
    let mut reader = Reader::new(bytes)?;
    if reader.peek()? == b'{' {
        names.object(&mut reader, |reader, position| {
            note(&mut fields, position, reader, |reader| reader.skip())
        })?;
    } else {
        reader.skip()?;
    }
    reader.finish()?;
    Some(fields)
}

#[test]
fn short_cuts_find_what_reading_token_by_token_finds() {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |since| since.as_nanos() as u64);
    let variable = |name: &str, default: u64| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (seed, count) = (variable("SEED", since), variable("JSON_DOCS", 5_000));
    println!("SEED={seed} JSON_DOCS={count}");
    let mut random = Random(seed | 1);
    let names_of = |list: &[&str]| {
        let mut names = Names::default();
        for name in list {
            names.add(name);
        }
        names
    };
    // Few are looked for in another way than many.
    let many = [
        "id",
        "type0",
        "",
        "a",
        "user_id_that_is_long1",
        "b\n",
        "a2",
        "é",
        "longname",
        "c\"",
        "missing",
    ];
    let choices = [
        names_of(&many),
        names_of(&["id", "a", "type0"]),
        names_of(&["", "user_id_that_is_long2"]),
    ];
    let mut ordinary = 0;
    for index in 0..count {
        let names = &choices[random.below(choices.len())];
        let bytes = document(&mut random);
        let text = String::from_utf8_lossy(&bytes);
        let expected = slowly(&bytes, names);
        assert_eq!(fast(&bytes, names), expected, "SEED={seed}, document {index}: {text:?}");
        ordinary += u64::from(expected.is_some());
        assert_eq!(
            fast(&bytes, &Names::default()).is_some(),
            slowly(&bytes, &Names::default()).is_some(),
            "SEED={seed}, {text:?}"
        );
        // Another crate's reader is stricter about large numbers and laxer about depth, escapes and UTF-8 of what it skips.
        if slowly(&bytes, &Names::default()).is_some() {
            let skipped = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes);
            assert!(skipped.is_ok(), "SEED={seed}, document {index}: {text:?}");
        } else if serde_json::from_slice::<serde_json::Value>(&bytes).is_ok() {
            assert!(depth(&bytes) > MAX_DEPTH, "SEED={seed}, document {index}: {text:?}");
        }
    }
    assert!(
        ordinary > count / 5 && ordinary < count,
        "{ordinary} of {count} are ordinary"
    );
}

/// Of a document that is valid.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut at) = (0, 0, false, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
        at += 1;
    }
    deepest
}

#[test]
fn a_token_may_lie_across_any_border() {
    let mut names = Names::default();
    names.add("id");
    let documents = [
        r#"{"name":"a","id":5,"n":-12.5e+3,"t":true,"l":[1,-2,{"id":7}],"e":"\u00e9\\","z":null}"#,
        r#"{ "a" : [ ] , "id" : { "id" : [ 0 , -0 ] } , "x" : "\"" }"#,
        r#"{"\u0069d":1}"#,
    ];
    for document in documents {
        for padding in 0..300 {
            // In front of it, and within it at each of its places.
            for at in [0, 1, padding % document.len()] {
                let mut text = document.to_owned();
                text.insert_str(at, &" ".repeat(padding));
                assert_eq!(fast(text.as_bytes(), &names), slowly(text.as_bytes(), &names), "{text}");
                let text = document.replacen("name", &"n".repeat(padding), 1);
                assert_eq!(fast(text.as_bytes(), &names), slowly(text.as_bytes(), &names), "{text}");
            }
        }
        for end in 0..document.len() {
            assert_eq!(fast(&document.as_bytes()[..end], &names), None, "{}", &document[..end]);
        }
    }
}

#[test]
fn half_an_escape_that_is_left_over_does_not_outlive_its_end() {
    let names = Names::default();
    for before in 230..260 {
        for between in 480..530 {
            let text = format!(
                r#"{{"{}":"\ud83d\ude00{}\ud83d\ude00"}}"#,
                "n".repeat(before),
                "x".repeat(between)
            );
            assert!(fast(text.as_bytes(), &names).is_some(), "{before} {between}");
            let text = text.replace("\\ude00\"", "\"");
            assert!(fast(text.as_bytes(), &names).is_none(), "{before} {between}");
        }
    }
}
