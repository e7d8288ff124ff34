//! What is read from librdkafka's words, which are all there is.

use std::net::{IpAddr, SocketAddr};

/// `[thrd:host:9092/1]: host:9092/1: …` without the thread.
pub fn without_thread(line: &str) -> &str {
    match line.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")) {
        Some((_, rest)) => rest,
        None => line,
    }
}

/// `sasl_ssl://host:9092/1: …` is about `host:9092`, `GroupCoordinator: …` about that.
pub fn broker(text: &str) -> &str {
    let name = text.split(": ").next().unwrap_or_default();
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    name.split('/').next().unwrap_or_default()
}

/// `… Connect to ipv6#[::1]:9092 failed: …`, or `… Failed to connect to broker at [::1]:9092: …`.
pub fn address(text: &str) -> Option<IpAddr> {
    let (_, rest) = text.split_once("onnect to ")?;
    let rest = rest.strip_prefix("broker at ").unwrap_or(rest);
    let end = rest.find(" failed: ").or_else(|| rest.find(": "))?;
    let address = rest[..end].trim_start_matches("ipv4#").trim_start_matches("ipv6#");
    address.parse::<SocketAddr>().ok().map(|address| address.ip())
}

/// `… verification callback failed: why` says why.
pub fn certificate(line: &str) -> Option<String> {
    line.rsplit_once("callback failed: ")
        .map(|(_, reason)| reason.to_owned())
        .filter(|reason| !reason.is_empty())
}

/// OpenSSL says no more than that it does not like it.
pub fn is_of_a_certificate(text: &str) -> bool {
    text.contains("certificate verify failed")
}

/// Whether a broker has closed a connection before anything was asked there: `Disconnected … (after 3ms in state UP)`.
pub fn was_being_set_up(line: &str) -> bool {
    let Some((_, rest)) = line.rsplit_once("(after ") else {
        return false;
    };
    let Some((age, state)) = rest.split_once("ms in state ") else {
        return false;
    };
    // Broker states of librdkafka; UP may be followed by `, 3 identical error(s) suppressed`.
    match state.trim_end_matches(')').split(',').next() {
        Some("UP") => age.parse::<u64>().is_ok_and(|age| age < 1_000),
        Some(state) => state.starts_with("AUTH_") || matches!(state, "APIVERSION_QUERY" | "SSL_HANDSHAKE"),
        None => false,
    }
}
