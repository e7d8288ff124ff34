use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const REFUSED: &str =
    "ssl://kafka:9093/1: Connect to ipv4#127.0.0.1:9093 failed: Connection refused (after 0ms in state CONNECT)";

fn transport(text: &str) -> KafkaError {
    KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT).with_message(text)
}

fn all_down() -> KafkaError {
    KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
}

fn log_line(facility: &str, level: i32, text: &str) -> LogLine {
    LogLine {
        facility: facility.to_owned(),
        text: text.to_owned(),
        level,
    }
}

fn troubles() -> (Arc<Troubles>, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    let troubles = Troubles::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    (troubles, count)
}

#[test]
fn that_all_brokers_are_down_is_no_news_where_no_connection_has_failed() {
    let (troubles, _) = troubles();
    let idle = "[thrd:kafka:9092/1]: kafka:9092/1: Disconnected (after 600012ms in state UP)";
    assert_eq!(troubles.line(&log_line("FAIL", 6, idle)), Line::Known);
    assert_eq!(troubles.error(all_down()), None);
    assert!(troubles.error(transport(REFUSED)).is_some());
    assert!(troubles.error(all_down()).is_some());
}

#[test]
fn that_all_brokers_are_down_is_said_once_a_second() {
    let (troubles, _) = troubles();
    let start = Instant::now();
    troubles.error_at(transport(REFUSED), start);
    let said = |ms: u64| {
        troubles
            .error_at(all_down(), start + Duration::from_millis(ms))
            .is_some()
    };
    assert_eq!([said(0), said(1), said(999), said(1_000)], [true, false, false, true]);
}

#[test]
fn connections_that_are_closed_while_they_are_set_up_are_an_error_from_the_second_on() {
    for state in [
        "APIVERSION_QUERY",
        "UP",
        "AUTH_HANDSHAKE",
        "UP, 1 identical error(s) suppressed",
    ] {
        let (troubles, _) = troubles();
        let line =
            format!("[thrd:a:1/bootstrap]: a:1/bootstrap: Disconnected: closed by peer (after 3ms in state {state})");
        assert_eq!(troubles.line(&log_line("FAIL", 6, &line)), Line::Known);
        let Line::Error(error) = troubles.line(&log_line("FAIL", 4, &line)) else {
            panic!("no error for {state}");
        };
        assert_eq!(error.code, "transport");
        assert!(
            error.message.starts_with("a:1/bootstrap: Disconnected"),
            "{}",
            error.message
        );
        assert!(troubles.during(Duration::ZERO).is_some());
    }
}

#[test]
fn what_comes_as_an_error_too_and_connections_that_worked_are_nothing() {
    let (troubles, _) = troubles();
    for _ in 0..3 {
        assert_eq!(troubles.line(&log_line("FAIL", 3, REFUSED)), Line::Known);
        let restart = "a:1/1: Disconnected (after 90000ms in state UP)";
        assert_eq!(troubles.line(&log_line("FAIL", 6, restart)), Line::Known);
    }
    assert_eq!(troubles.line(&log_line("CONFWARN", 4, "x")), Line::Other);
    assert_eq!(troubles.during(Duration::from_secs(60)), None);
}

#[test]
fn a_failure_names_what_went_wrong_meanwhile_or_lasts() {
    let (troubles, _) = troubles();
    let long_ago = Instant::now() - Duration::from_secs(50);
    troubles.error_at(transport(REFUSED), long_ago);
    let trouble = troubles.during(Duration::from_secs(1)).expect("it lasts");
    assert_eq!((trouble.code.as_str(), trouble.text.as_str()), ("transport", REFUSED));
    troubles.state.lock().reached("kafka:9093", long_ago);
    assert_eq!(troubles.during(Duration::from_secs(1)), None);
    assert!(troubles.during(Duration::from_secs(60)).is_some());
}

#[test]
fn tells_once_that_a_broker_is_back_and_only_after_a_failure() {
    let (troubles, count) = troubles();
    troubles.reached("kafka:9093");
    assert_eq!(count.load(Ordering::SeqCst), 0);
    troubles.error(transport(REFUSED));
    troubles.reached("other:9093");
    assert_eq!(count.load(Ordering::SeqCst), 0);
    troubles.reached("kafka:9093");
    troubles.reached("kafka:9093");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn any_broker_ends_an_outage_of_all() {
    let (troubles, count) = troubles();
    troubles.error(transport(REFUSED));
    troubles.error(all_down());
    troubles.reached("other:9093");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn an_error_of_tls_says_why_the_certificate_was_refused() {
    let (troubles, _) = troubles();
    let line =
        "[thrd:a]: a: Certificate (subject=/CN=localhost, issuer=/CN=x) verification callback failed: it has expired";
    assert_eq!(troubles.line(&log_line("SSLCERTVRFY", 3, line)), Line::Known);
    let ssl = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__SSL).with_message("certificate verify failed");
    assert_eq!(
        troubles.error(ssl).map(|error| error.message),
        Some("certificate verify failed: it has expired".to_owned())
    );
}

#[test]
fn a_line_of_the_log_does_not_hide_an_error_that_says_more() {
    let (troubles, _) = troubles();
    let ssl = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__SSL).with_message("ssl://a:1/1: no");
    troubles.error(ssl);
    for _ in 0..3 {
        let line = "ssl://a:1/1: Disconnected (after 0ms in state SSL_HANDSHAKE)";
        assert_eq!(troubles.line(&log_line("FAIL", 6, line)), Line::Known);
    }
    assert_eq!(
        troubles.during(Duration::ZERO).map(|trouble| trouble.code.clone()),
        Some("ssl".to_owned())
    );
}

#[test]
fn a_broker_that_does_not_answer_is_an_error_at_once() {
    let (troubles, _) = troubles();
    let line = "[thrd:a:1/bootstrap]: a:1/bootstrap: Connection setup timed out in state CONNECT (after 1003ms in state CONNECT)";
    assert!(matches!(troubles.line(&log_line("FAIL", 4, line)), Line::Error(_)));
}

#[test]
fn an_address_that_fails_is_no_trouble_where_the_broker_has_others() {
    let failed = |address: &str| {
        transport(&format!(
            "localhost:9092/bootstrap: Connect to {address} failed: Connection refused (after 0ms in state CONNECT)"
        ))
    };
    let unreachable =
        transport("localhost:9092/1: Failed to connect to broker at [2001:db8::7]:9092: Network is unreachable");
    resolver::remember(
        &["2001:db8::7", "203.0.113.7"].map(|text| text.parse().unwrap()),
        Family::Any,
    );
    let (troubles, _) = troubles();
    assert_eq!(troubles.error(failed("ipv6#[2001:db8::7]:9092")), None);
    assert_eq!(troubles.error(all_down()), None);
    // The other one does not answer, perhaps: this is all that is known of what fails meanwhile.
    assert!(troubles.during(Duration::from_secs(5)).is_some());
    troubles.reached("localhost:9092");
    assert_eq!(troubles.during(Duration::from_secs(5)), None);
    // Each connection has its own round through the addresses.
    for first in [failed("ipv6#[2001:db8::7]:9092"), unreachable] {
        assert_eq!(troubles.error(first), None);
        assert!(troubles.error(failed("ipv4#203.0.113.7:9092")).is_some());
        assert!(troubles.error(all_down()).is_some() || troubles.now().is_some());
    }
    // Another client found more addresses than this one uses.
    assert_eq!(troubles.error(failed("ipv4#203.0.113.7:9092")), None);
    assert!(troubles.error(failed("ipv4#203.0.113.7:9092")).is_some());
}
