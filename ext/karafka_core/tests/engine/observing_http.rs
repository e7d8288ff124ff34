//! The HTTP server against those who ask, and those who only connect.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use karafka_core::observe::{ObserverConfig, Server};

use crate::common::*;
use crate::observing::observer;

/// As a client that reads all it is sent.
pub fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn slow_and_hostile_clients_hurt_nobody() {
    let kafka = Kafka::mock(1);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&kafka.topic(1))])]));
    let server = Server::start(&observer(&harness, ObserverConfig::default())).unwrap();
    let address = server.listening.address.unwrap();
    let silent: Vec<_> = (0..1_000).map(|_| TcpStream::connect(address).unwrap()).collect();
    let began = Instant::now();
    assert_eq!(get(address, "/livez", "").0, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // A head without an end.
    let mut endless = TcpStream::connect(address).unwrap();
    endless.set_write_timeout(Some(LONG)).unwrap();
    endless.set_read_timeout(Some(LONG)).unwrap();
    let _ = write!(endless, "GET /livez HTTP/1.1\r\n");
    let line = format!("X-Filler: {}\r\n", "x".repeat(1_000));
    let refused = (0..10_000).find(|_| endless.write_all(line.as_bytes()).is_err());
    assert!(refused.is_some(), "10 MB of headers were read");
    for nonsense in ["\r\n\r\n", "\0\0\0\0", "GET", "GET / HTTP/9.9\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).unwrap();
        let _ = stream.write_all(nonsense.as_bytes());
    }
    assert_eq!(get(address, "/livez", "").0, 200);
    drop(silent);
    let began = Instant::now();
    assert!(server.close(Duration::from_secs(30)));
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "open connections do not hold it up"
    );
    assert!(TcpStream::connect(address).is_err());
    harness.stop();
}

#[test]
fn a_token_guards_all_but_the_probes() {
    let kafka = Kafka::mock(1);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&kafka.topic(1))])]));
    let config = ObserverConfig {
        token: Some("secret-of-the-probe".to_owned()),
        ..ObserverConfig::default()
    };
    let server = Server::start(&observer(&harness, config)).unwrap();
    let address = server.listening.address.unwrap();
    let token = "Authorization: Bearer secret-of-the-probe\r\n";
    for path in [
        "/metrics",
        "/v1/state",
        "/v1/state?detail=summary",
        "/v1/workers?backtrace=1",
    ] {
        let (status, body) = get(address, path, "");
        assert_eq!((status, body.contains("secret")), (401, false), "{path}: {body}");
        assert_eq!(get(address, path, token).0, 200, "{path}");
    }
    assert_eq!(get(address, "/livez", "").0, 200);
    assert!([200, 503].contains(&get(address, "/readyz", "").0));
    assert_eq!(get(address, "/nothing", "").0, 404);
    let open = Server::start(&observer(
        &harness,
        ObserverConfig {
            bind: "0.0.0.0".to_owned(),
            ..ObserverConfig::default()
        },
    ))
    .unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], open.listening.address.unwrap().port()));
    assert_eq!(get(address, "/v1/state", "").0, 403);
    assert_eq!(get(address, "/metrics", "").0, 200);
    server.close(LONG);
    open.close(LONG);
    harness.stop();
}
