//! Makes librdkafka's clients, and says what is wrong with the settings where it makes none: what is fine one by one and
//! impossible together, or a file that cannot be read, is only found out here.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::{ClientConfig, NativeClientConfig};
use rdkafka::error::KafkaError as RdError;
use rdkafka::types::RDKafkaType;

use crate::error::{Error, Result};
use crate::kafka::meeting::Meeting;
use crate::kafka::troubles::Troubles;
use crate::kafka::{authorities, connector, oauth, resolver};

/// As the user gave them, by the names of librdkafka.
pub type Settings = BTreeMap<String, String>;

/// librdkafka starts its threads and begins to connect. `troubles` has to outlive the client.
pub fn create(
    config: &ClientConfig,
    native: NativeClientConfig,
    kind: RDKafkaType,
    settings: &Settings,
    troubles: &Arc<Troubles>,
    meeting: Meeting,
) -> Result<Client<DefaultClientContext>> {
    // SAFETY: nobody has taken the configuration yet.
    unsafe { oauth::prepare(native.ptr(), settings) };
    authorities::prepare(&native, settings);
    resolver::install(&native);
    connector::install(&native);
    troubles.watch(&native);
    let conf = native.ptr();
    let client = Client::new(config, native, kind, DefaultClientContext).map_err(|error| {
        if matches!(error, RdError::ClientCreation(_)) {
            // SAFETY: no client has taken the configuration, and the crate gives it up where that fails.
            unsafe { empty(conf, settings) };
        }
        refused(&error, settings)
    })?;
    // SAFETY: a living client.
    unsafe { meeting.begin(client.native_ptr()) };
    Ok(client)
}

/// Frees what the settings put into a configuration, passwords and certificates among it. Its frame of some kilobytes stays:
/// librdkafka (2.12.1, `rd_kafka_new`) has freed its interceptors, and would free them once more with it.
///
/// # Safety
/// `conf` is a configuration that no client has, and that nobody uses any more.
unsafe fn empty(conf: *mut sys::rd_kafka_conf_t, settings: &Settings) {
    for name in settings.keys().filter_map(|name| CString::new(name.as_str()).ok()) {
        // SAFETY: by the contract; no value stands for the default, and a text that does not fit is cut off.
        unsafe { sys::rd_kafka_conf_set(conf, name.as_ptr(), std::ptr::null(), std::ptr::null_mut(), 0) };
    }
}

pub fn refused(error: &RdError, settings: &Settings) -> Error {
    let reason = match error {
        RdError::ClientConfig(_, reason, key, value) => {
            return Error::Config {
                setting: key.clone(),
                value: value.clone(),
                reason: reason.clone(),
            }
        }
        RdError::ClientCreation(reason) => reason.clone(),
        other => other.to_string(),
    };
    // "ssl.ca.location failed: …": the file is what has to be looked at. Other values may be secret.
    let named = reason
        .split_whitespace()
        .next()
        .filter(|name| name.ends_with(".location"));
    let (name, value) = named.and_then(|name| settings.get_key_value(name)).unzip();
    Error::Config {
        setting: name.map_or_else(|| "kafka".to_owned(), |name| format!("kafka {name:?}")),
        value: value.cloned().unwrap_or_default(),
        reason: format!("librdkafka makes no client with these settings: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(settings: &[(&str, &str)]) -> String {
        let settings: Settings = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let config: ClientConfig = settings.clone().into_iter().collect();
        let native = config.create_native_config().expect("each alone is fine");
        match create(
            &config,
            native,
            RDKafkaType::RD_KAFKA_CONSUMER,
            &settings,
            &Troubles::new(|| {}),
            Meeting::Quiet,
        ) {
            Ok(_) => panic!("a client was made"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn names_the_file_that_librdkafka_cannot_use() {
        let error = attempt(&[
            ("group.id", "g"),
            ("security.protocol", "ssl"),
            ("ssl.ca.location", "/no/such/file"),
        ]);
        assert!(
            error.starts_with(r#"kafka "ssl.ca.location" = "/no/such/file": librdkafka makes no client"#),
            "{error}"
        );
    }

    #[test]
    fn keeps_no_settings_of_clients_that_could_not_be_made() {
        let resident_bytes = || crate::base::memory::own_resident_bytes().expect("Linux has it");
        let password = "p".repeat(1 << 20);
        let settings = [
            ("group.id", "g"),
            ("security.protocol", "ssl"),
            ("ssl.ca.location", "/no/such/file"),
            ("ssl.key.password", &password),
        ];
        attempt(&settings);
        let before = resident_bytes();
        for _ in 0..100 {
            attempt(&settings);
        }
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 30 << 20, "{} MB of 100 MB stayed", grown >> 20);
    }

    #[test]
    fn says_what_is_impossible_together_and_shows_no_value() {
        let error = attempt(&[
            ("group.id", "g"),
            ("security.protocol", "ssl"),
            ("ssl.key.password", "hidden-one"),
            ("ssl.ca.pem", "nonsense"),
        ]);
        assert!(
            error.starts_with("kafka: librdkafka makes no client with these settings: "),
            "{error}"
        );
        assert!(!error.contains("hidden-one") && !error.contains("nonsense"), "{error}");
    }
}
