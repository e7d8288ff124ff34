//! Makes librdkafka's clients, and says what is wrong with the settings where it makes none: what is fine one by one and
//! impossible together, or a file that cannot be read, is only found out here.

use std::collections::BTreeMap;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::{ClientConfig, NativeClientConfig};
use rdkafka::error::KafkaError as RdError;
use rdkafka::types::RDKafkaType;

use crate::error::{Error, Result};

type Settings = BTreeMap<String, String>;

/// librdkafka starts its threads and begins to connect.
pub fn create(
    config: &ClientConfig,
    native: NativeClientConfig,
    kind: RDKafkaType,
    settings: &Settings,
) -> Result<Client<DefaultClientContext>> {
    let conf = native.ptr();
    Client::new(config, native, kind, DefaultClientContext).map_err(|error| {
        if matches!(error, RdError::ClientCreation(_)) {
            // SAFETY: rd_kafka_new takes the configuration only where it succeeds, and the crate has forgotten it.
            unsafe { sys::rd_kafka_conf_destroy(conf) };
        }
        refused(&error, settings)
    })
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
        match create(&config, native, RDKafkaType::RD_KAFKA_CONSUMER, &settings) {
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
