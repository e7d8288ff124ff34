//! Which certificate authorities a client trusts where its settings name none. An OpenSSL of the system knows where the system keeps
//! them. One that was compiled in looks where it was built, so librdkafka is asked to look at the places that distributions use.

use std::ffi::CStr;

use rdkafka::bindings as sys;
use rdkafka::config::NativeClientConfig;

use crate::kafka::creation::Settings;

const LOCATION: &CStr = c"ssl.ca.location";
/// Of `ssl.ca.location`: the first of librdkafka's list of files and directories that exists.
const PROBE: &CStr = c"probe";
/// Settings that name authorities.
const OWN: [&str; 2] = ["ssl.ca.location", "ssl.ca.pem"];
/// Variables of the environment that every OpenSSL looks at.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Before a client is made with it.
pub fn prepare(native: &NativeClientConfig, settings: &Settings) {
    let variable = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(feature = "static") && needs_probe(settings, variable) {
        probe(native);
    }
}

fn needs_probe(settings: &Settings, variable: impl Fn(&str) -> bool) -> bool {
    !OWN.iter().any(|name| settings.contains_key(*name)) && !VARIABLES.iter().any(|name| variable(name))
}

fn probe(native: &NativeClientConfig) {
    // SAFETY: the configuration is valid and nobody has taken it yet; the texts end with a NUL. It knows the setting, because
    // OpenSSL is compiled in, and takes any text.
    unsafe { sys::rd_kafka_conf_set(native.ptr(), LOCATION.as_ptr(), PROBE.as_ptr(), std::ptr::null_mut(), 0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let owned = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        owned.collect()
    }

    #[test]
    fn looks_for_the_systems_authorities_where_nobody_named_others() {
        assert!(needs_probe(&settings(&[("security.protocol", "ssl")]), |_| false));
        for own in OWN {
            assert!(!needs_probe(&settings(&[(own, "x")]), |_| false), "{own}");
        }
        for variable in VARIABLES {
            assert!(!needs_probe(&settings(&[]), |name| name == variable), "{variable}");
        }
    }

    #[test]
    fn librdkafka_knows_the_word_for_it() {
        let config = rdkafka::ClientConfig::new();
        let native = config.create_native_config().expect("no settings");
        probe(&native);
        assert_eq!(native.get("ssl.ca.location").expect("it is set"), "probe");
    }
}
