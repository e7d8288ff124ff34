use super::*;

fn topic(name: Option<&str>, pattern: Option<&str>) -> TopicConfig {
    TopicConfig {
        name: name.map(str::to_owned),
        pattern: pattern.map(str::to_owned),
        ..TopicConfig::default()
    }
}

#[test]
fn a_name_that_is_unknown_or_missing_is_refused() {
    let parse = |text: &str| {
        serde_json::from_str::<EngineConfig>(text)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let whole = r#"{"revocation_grace_ms": 1, "stuck_report_ms": null, "max_queued_bytes": null, "groups": [], "throttles": []}"#;
    assert_eq!(parse(whole), Ok(()));
    let misspelt = parse(&whole.replace("stuck_report_ms", "stuck_report")).unwrap_err();
    assert!(misspelt.contains("unknown field `stuck_report`"), "{misspelt}");
    let missing = parse(&whole.replace(r#""groups": [], "#, "")).unwrap_err();
    assert!(missing.contains("missing field `groups`"), "{missing}");
}

#[test]
fn a_name_wins_over_a_pattern() {
    let topics = [topic(None, Some("^aud")), topic(Some("audit"), None)];
    let table = TopicTable::new(&topics).expect("valid");
    assert_eq!(table.find("audit"), Some(1));
    assert_eq!(table.find("audio"), Some(0));
    assert_eq!(table.find("other"), None);
}

#[test]
fn a_topic_needs_a_name_or_a_pattern() {
    assert!(TopicTable::new(&[topic(None, None)]).is_err());
    assert!(TopicTable::new(&[topic(None, Some("aud"))]).is_err());
    assert!(TopicTable::new(&[topic(None, Some("^("))]).is_err());
}

#[test]
fn back_off_doubles_up_to_the_limit() {
    let topic = topic(Some("t"), None);
    let waits: Vec<u64> = [1, 2, 3, 6, 400]
        .iter()
        .map(|n| topic.backoff(*n).as_millis() as u64)
        .collect();
    assert_eq!(waits, [1_000, 2_000, 4_000, 30_000, 30_000]);
}
