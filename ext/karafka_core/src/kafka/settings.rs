//! librdkafka's own knowledge of its settings: which exist, whose they are, which values are allowed.

mod attempt;
mod table;

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};

use rdkafka::bindings as sys;
use rdkafka::config::ClientConfig;

use crate::error::{Error, Result};
use crate::kafka::oauth;
pub use attempt::attempt;
pub use table::{main_name, properties, Kind, Property, Scope};

/// Asks about each setting alone, and about two names of one setting; gives those that are refused, with the reason. A reason
/// repeats no value: it may be secret.
pub fn check<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let settings: Vec<(&str, &str)> = settings.into_iter().collect();
    let mut refused = Vec::new();
    for (key, value) in &settings {
        let reason = not_a_number(key, value).or_else(|| Some(refusal(key, set_alone(key, value).err()?)));
        refused.extend(reason.map(|reason| ((*key).to_owned(), reason)));
    }
    if refused.is_empty() {
        refused.extend(contradiction(&settings));
    }
    refused
}

/// librdkafka reads the digits that a text begins with, "45_000" as 45, and takes what does not fit into 32 bits for another number.
fn not_a_number(key: &str, value: &str) -> Option<String> {
    let property = properties().get(key)?;
    let digits = value.strip_prefix('-').unwrap_or(value);
    let fits = match property.kind {
        // A word, such as acks = all: librdkafka knows which it takes.
        Kind::Integer if digits.starts_with(char::is_alphabetic) => true,
        Kind::Integer => decimal(digits) && value.parse::<i32>().is_ok(),
        Kind::Float => match digits.split_once('.') {
            Some((whole, part)) => decimal(whole) && !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit()),
            None => decimal(digits),
        },
        Kind::Words | Kind::Text => true,
    };
    (!fits).then(|| allowed(key, property))
}

/// What a setting takes that is no text.
fn allowed(key: &str, property: &Property) -> String {
    let number = match property.kind {
        Kind::Integer => "whole number",
        Kind::Float | Kind::Text => "number",
        Kind::Words => return format!("it must be one of {}", property.range),
    };
    // The one word that librdkafka takes for a number, in acks.
    let word = set_alone(key, "all").map_or("", |_| ", or all");
    let range = property.range.replace(" .. ", " to ");
    format!(
        "it must be a {number} from {range}, in digits alone, such as {}{word}",
        property.default
    )
}

/// No leading zero, which would make it octal.
fn decimal(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_digit()) && (text == "0" || !text.starts_with('0')) && !text.is_empty()
}

/// What librdkafka has made of the value, or what it says of it; nothing of a NUL byte, which no value can have.
fn set_alone(key: &str, value: &str) -> std::result::Result<String, Option<String>> {
    let (Ok(native_key), Ok(native_value)) = (CString::new(key), CString::new(value)) else {
        return Err(None);
    };
    let mut text = [0 as libc::c_char; 512];
    let mut size = text.len();
    // SAFETY: a fresh configuration, destroyed here; `text` outlives the calls, and is zeroed or ends with a NUL.
    unsafe {
        let conf = sys::rd_kafka_conf_new();
        let result = sys::rd_kafka_conf_set(
            conf,
            native_key.as_ptr(),
            native_value.as_ptr(),
            text.as_mut_ptr(),
            size,
        );
        let is_set = result == sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK;
        if is_set {
            sys::rd_kafka_conf_get(conf, native_key.as_ptr(), text.as_mut_ptr(), &raw mut size);
        }
        sys::rd_kafka_conf_destroy(conf);
        let text = CStr::from_ptr(text.as_ptr()).to_string_lossy().trim().to_owned();
        match is_set {
            true => Ok(text),
            false => Err(Some(text)),
        }
    }
}

/// Why a value is refused, in words that say what is allowed.
fn refusal(key: &str, said: Option<String>) -> String {
    let Some(said) = said else {
        return "it contains a NUL byte".to_owned();
    };
    match properties().get(key) {
        Some(property) if property.kind != Kind::Text => allowed(key, property),
        Some(_) if shows_value(key) => format!("librdkafka refuses it: {said}"),
        Some(_) => "librdkafka refuses the value".to_owned(),
        None => "librdkafka knows no such setting".to_owned(),
    }
}

/// Two names of one setting with different values: which one holds would be chance.
fn contradiction(settings: &[(&str, &str)]) -> Option<(String, String)> {
    let mut seen: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for (key, value) in settings {
        let Some((other, given)) = seen.insert(main_name(key), (key, value)) else {
            continue;
        };
        if given != *value && set_alone(other, given) != set_alone(key, value) {
            let reason =
                format!("\"{other}\" is another name of the same setting and has another value; leave one of them out");
            return Some(((*key).to_owned(), reason));
        }
    }
    None
}

/// Texts may be secret, and so may be whatever stands under an unknown name, such as a misspelt one.
fn shows_value(name: &str) -> bool {
    name.ends_with(".location")
        || properties()
            .get(name)
            .is_some_and(|property| property.kind != Kind::Text)
}

/// As `check`, and refuses settings of the other kind of client too.
pub fn check_for<'a>(role: Scope, given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let given: Vec<(&str, &str)> = given.into_iter().collect();
    let mut refused = check(given.iter().copied());
    for (name, _) in given {
        let others = match properties().get(name).map(|property| property.scope) {
            Some(Scope::Producer) if role == Scope::Consumer => "producers",
            Some(Scope::Consumer) if role == Scope::Producer => "consumers",
            _ => continue,
        };
        refused.push((name.to_owned(), format!("it is a setting of {others} only")));
    }
    refused
}

/// A client configuration, or the first setting that is refused.
pub fn client_config(settings: &BTreeMap<String, String>) -> Result<ClientConfig> {
    let theirs = || settings.iter().filter(|(key, _)| *key != oauth::LISTENER);
    if let Some((setting, reason)) = check(theirs().map(|(k, v)| (k.as_str(), v.as_str())))
        .into_iter()
        .next()
    {
        let value = settings.get(&setting).filter(|_| shows_value(&setting));
        let value = value.cloned().unwrap_or_default();
        return Err(Error::Config { setting, value, reason });
    }
    let mut config = ClientConfig::new();
    for (key, value) in theirs() {
        config.set(key, value);
    }
    Ok(config)
}

/// Version of librdkafka linked into this build.
pub fn librdkafka_version() -> String {
    // SAFETY: a static string.
    unsafe { CStr::from_ptr(sys::rd_kafka_version_str()) }
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(key: &str, value: &str) -> Option<String> {
        check([(key, value)]).pop().map(|(_, reason)| reason)
    }

    #[test]
    fn refuses_what_librdkafka_refuses() {
        let refused = check([
            ("fetch.min.bytes", "1"),
            ("fetch.min.bites", "1"),
            ("acks", "many"),
            ("a\0b", "c"),
        ]);
        let keys: Vec<&str> = refused.iter().map(|(k, _)| k.as_str()).collect();
        assert_eq!(keys, ["fetch.min.bites", "acks", "a\0b"]);
    }

    #[test]
    fn refuses_numbers_that_librdkafka_would_read_as_others() {
        let numbers = [
            "45_000",
            "30s",
            "250.9",
            " 5",
            "+5",
            "5 ",
            "0x10",
            "010",
            "",
            "4294967306",
            "99999999999999999999",
            "1e3",
        ];
        for number in numbers {
            let reason = reason("session.timeout.ms", number).unwrap_or_default();
            assert_eq!(
                reason, "it must be a whole number from 1 to 3600000, in digits alone, such as 45000",
                "{number:?}"
            );
        }
        for number in ["5 ms", ".5", "5.", "nan", "inf", "0x1p3", "5_0"] {
            assert!(reason("linger.ms", number).is_some(), "{number:?}");
        }
        let fine = [
            ("linger.ms", "0.5"),
            ("linger.ms", "0"),
            ("acks", "all"),
            ("acks", "-1"),
            ("session.timeout.ms", "45000"),
        ];
        for (key, value) in fine {
            assert_eq!(reason(key, value), None, "{key} = {value}");
        }
    }

    #[test]
    fn says_what_is_allowed_instead_of_a_word() {
        let refused = [
            (
                "message.timeout.ms",
                "soon",
                "it must be a whole number from 0 to 2147483647, in digits alone, such as 300000",
            ),
            (
                "session.timeout.ms",
                "0",
                "it must be a whole number from 1 to 3600000, in digits alone, such as 45000",
            ),
            (
                "acks",
                "many",
                "it must be a whole number from -1 to 1000, in digits alone, such as -1, or all",
            ),
            (
                "security.protocol",
                "tls",
                "it must be one of plaintext, ssl, sasl_plaintext, sasl_ssl",
            ),
            ("enable.idempotence", "yes please", "it must be one of true, false"),
            ("sasl.password", "hu\0sh", "it contains a NUL byte"),
        ];
        for (key, value, text) in refused {
            assert_eq!(reason(key, value).as_deref(), Some(text), "{key} = {value}");
        }
    }

    #[test]
    fn checks_every_number_of_librdkafka_so() {
        for (name, property) in properties() {
            if matches!(property.kind, Kind::Integer | Kind::Float) {
                assert_eq!(
                    not_a_number(name, &property.default),
                    None,
                    "{name} = {}",
                    property.default
                );
                assert!(
                    not_a_number(name, &format!("{}ms", property.default)).is_some(),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn refuses_two_names_of_one_setting_with_different_values() {
        let refused = check([("request.required.acks", "1"), ("acks", "all")]);
        let (key, reason) = refused.first().expect("refused");
        assert_eq!(key, "acks");
        assert!(
            reason.starts_with("\"request.required.acks\" is another name of the same setting"),
            "{reason}"
        );
        assert!(check([("request.required.acks", "-1"), ("acks", "all"), ("retries", "3")]).is_empty());
    }

    #[test]
    fn shows_no_value_that_may_be_secret() {
        for (key, value) in [
            ("sasl.pasword", "hush"),
            ("sasl.password", "hu\0sh"),
            ("topic.blacklist", "hush["),
        ] {
            let error = client_config(&[(key.to_owned(), value.to_owned())].into()).expect_err("refused");
            assert!(!error.to_string().contains("hu"), "{error}");
        }
        let error = client_config(&[("acks".to_owned(), "many".to_owned())].into()).expect_err("refused");
        assert!(
            error
                .to_string()
                .starts_with("acks = \"many\": it must be a whole number from -1 to 1000, "),
            "{error}"
        );
    }
}
