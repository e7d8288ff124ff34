//! What librdkafka refuses only when it makes a client: settings that are fine one by one and impossible together, keys and
//! certificates that it cannot read. So a client is made, without brokers, and ended at once.

use std::ffi::{CStr, CString};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaType;

use super::{main_name, Scope};

const BROKERS: &str = "metadata.broker.list";
/// Nothing of this client is logged.
const LEFT_OUT: [&str; 5] = [
    BROKERS,
    "debug",
    "log_level",
    "statistics.interval.ms",
    "plugin.library.paths",
];

/// None: a client can be made. Else librdkafka's reason. Settings that it refuses one by one are left to `check`.
pub fn attempt<'a>(role: Scope, settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let settings: Vec<(&str, &str)> = settings.into_iter().collect();
    let kind = match role {
        Scope::Producer => RDKafkaType::RD_KAFKA_PRODUCER,
        Scope::Consumer | Scope::Both => RDKafkaType::RD_KAFKA_CONSUMER,
    };
    // SAFETY: the configuration is ours until the client takes it, which it does where it is made; the client ends here, it
    // has no queue, no handle and no group that it has joined. The reason is an array that outlives the call.
    unsafe {
        let conf = sys::rd_kafka_conf_new();
        sys::rd_kafka_conf_set_log_cb(conf, None);
        for (key, value) in &settings {
            if !LEFT_OUT.contains(&main_name(key)) {
                set(conf, key, value);
            }
        }
        if !settings.iter().any(|(key, _)| *key == "group.id") {
            set(conf, "group.id", "attempt");
        }
        let mut reason = [0 as libc::c_char; 512];
        let client = sys::rd_kafka_new(kind, conf, reason.as_mut_ptr(), reason.len());
        if client.is_null() {
            sys::rd_kafka_conf_destroy(conf);
            return Some(CStr::from_ptr(reason.as_ptr()).to_string_lossy().trim().to_owned());
        }
        sys::rd_kafka_destroy_flags(client, sys::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    None
}

/// # Safety
/// `conf` is a living configuration that no client has taken.
unsafe fn set(conf: *mut sys::rd_kafka_conf_t, key: &str, value: &str) {
    if let (Ok(key), Ok(value)) = (CString::new(key), CString::new(value)) {
        // SAFETY: by the contract above; without room for a reason none is written.
        unsafe { sys::rd_kafka_conf_set(conf, key.as_ptr(), value.as_ptr(), std::ptr::null_mut(), 0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_impossible_together() {
        let producer = |settings: &[(&str, &str)]| attempt(Scope::Producer, settings.iter().copied());
        let consumer = |settings: &[(&str, &str)]| attempt(Scope::Consumer, settings.iter().copied());
        assert_eq!(producer(&[("bootstrap.servers", "127.0.0.1:1"), ("acks", "1")]), None);
        assert_eq!(
            consumer(&[("bootstrap.servers", "127.0.0.1:1"), ("session.timeout.ms", "6000")]),
            None
        );
        let refused = [
            producer(&[("enable.idempotence", "true"), ("acks", "1")]),
            producer(&[("transactional.id", "t"), ("enable.idempotence", "false")]),
            producer(&[
                ("security.protocol", "sasl_plaintext"),
                ("sasl.mechanism", "SCRAM-SHA256"),
            ]),
            producer(&[
                ("security.protocol", "ssl"),
                ("ssl.ca.pem", "-----BEGIN CERTIFICATE-----\\nAA"),
            ]),
            producer(&[("security.protocol", "ssl"), ("ssl.ca.location", "/no/such/file")]),
            consumer(&[("session.timeout.ms", "600000"), ("max.poll.interval.ms", "300000")]),
            consumer(&[("group.protocol", "consumer"), ("session.timeout.ms", "6000")]),
        ];
        for (index, reason) in refused.iter().enumerate() {
            assert!(
                reason.as_ref().is_some_and(|text| !text.is_empty()),
                "{index}: {reason:?}"
            );
        }
    }
}
