//! The native filter: which messages a topic wants, by key, headers and fields of a JSON payload. What does not match
//! is not copied out of librdkafka.
//!
//! No loss in silence: a payload that is no ordinary JSON matches, so that the host decides about it.

mod json;
mod message;
pub mod throttle;
mod wanted;

use std::ffi::CString;
use std::sync::Arc;

use serde::Deserialize;

use crate::error::{Error, Result};
use json::Fields;
pub(crate) use message::Raw;
pub use message::{Parts, View};
use wanted::Wanted;
pub use wanted::WantedConfig;

/// All that is given has to match; of several values one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterConfig {
    pub headers: Vec<(String, Vec<WantedConfig>)>,
    pub key: Option<Vec<WantedConfig>>,
    /// Paths and what is wanted there.
    pub json: Vec<(Vec<String>, Vec<WantedConfig>)>,
}

#[derive(Debug)]
struct Tests {
    headers: Vec<(CString, Wanted)>,
    key: Option<Wanted>,
    fields: Option<Fields>,
}

/// Compiled, and shared by the partitions of a topic.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "FilterConfig")]
pub struct Filter(Arc<Tests>);

impl TryFrom<FilterConfig> for Filter {
    type Error = Error;

    fn try_from(config: FilterConfig) -> Result<Self> {
        let headers = config.headers.iter().map(|(name, wanted)| {
            let name = crate::error::c_string("only header", name)?;
            Ok((name, Wanted::new(wanted)?))
        });
        Ok(Filter(Arc::new(Tests {
            headers: headers.collect::<Result<_>>()?,
            key: config.key.as_deref().map(Wanted::new).transpose()?,
            fields: (!config.json.is_empty())
                .then(|| Fields::new(&config.json))
                .transpose()?,
        })))
    }
}

impl Filter {
    pub fn matches(&self, message: &impl View) -> bool {
        let tests = &*self.0;
        tests.key.as_ref().is_none_or(|wanted| wanted.bytes(message.key()))
            && tests
                .headers
                .iter()
                .all(|(name, wanted)| message.header(name, &|value| wanted.bytes(value)))
            && tests
                .fields
                .as_ref()
                .is_none_or(|fields| fields.matches(message.payload()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> WantedConfig {
        WantedConfig {
            text: Some(text.to_owned()),
            ..WantedConfig::default()
        }
    }

    fn pattern(source: &str) -> WantedConfig {
        WantedConfig {
            pattern: Some(source.to_owned()),
            ..WantedConfig::default()
        }
    }

    fn integer(number: i64) -> WantedConfig {
        WantedConfig {
            integer: Some(number),
            ..WantedConfig::default()
        }
    }

    fn only(config: FilterConfig) -> Filter {
        Filter::try_from(config).expect("valid")
    }

    fn by_json(fields: &[(&str, Vec<WantedConfig>)]) -> Filter {
        let json = fields.iter().map(|(path, wanted)| {
            let path = path.split('.').map(str::to_owned).collect();
            (path, wanted.clone())
        });
        only(FilterConfig {
            json: json.collect(),
            ..FilterConfig::default()
        })
    }

    fn takes(only: &Filter, payload: &str) -> bool {
        only.matches(&Parts {
            payload: Some(payload.as_bytes()),
            ..Parts::default()
        })
    }

    #[test]
    fn fields_of_a_json_payload_decide() {
        let only = by_json(&[
            ("type", vec![text("purchase")]),
            ("user.id", vec![integer(5), integer(7)]),
        ]);
        assert!(takes(
            &only,
            r#"{"a":[1,{"type":"x"}],"type":"purchase","user":{"id":5}}"#
        ));
        assert!(takes(&only, r#"{"type":"purch\u0061se","user":{"id":7.0,"name":"x"}}"#));
        for other in [
            r#"{"type":"purchase","user":{"id":6}}"#,
            r#"{"type":"refund","user":{"id":5}}"#,
            r#"{"type":"purchase","user":5}"#,
            r#"{"type":"purchase","user":{"id":"5"}}"#,
            r#"{"user":{"id":5}}"#,
            "[]",
            "5",
        ] {
            assert!(!takes(&only, other), "{other}");
        }
    }

    #[test]
    fn what_is_no_ordinary_json_is_delivered() {
        let only = by_json(&[("type", vec![text("purchase")])]);
        for odd in [
            "",
            "{",
            r#"{"type":"refund""#,
            r#"{"type":"refund"} x"#,
            r#"{"type":"refund","type":"purchase"}"#,
            "{\"type\":\"refund\",\"x\":\"\u{1}\"}",
            r#"{"type":123456789012345678901234567890}"#,
        ] {
            assert!(takes(&only, odd), "{odd}");
        }
        let bytes = Parts {
            payload: Some(b"{\"type\":\"\xff\"}"),
            ..Parts::default()
        };
        assert!(only.matches(&bytes));
    }

    #[test]
    fn nothing_there_is_nil() {
        let only = by_json(&[("deleted_at", vec![WantedConfig::default()])]);
        assert!(takes(&only, "{}"));
        assert!(takes(&only, r#"{"deleted_at":null}"#));
        assert!(!takes(&only, r#"{"deleted_at":1}"#));
        assert!(only.matches(&Parts::default()), "a tombstone has no fields");
        assert!(!by_json(&[("a", vec![integer(1)])]).matches(&Parts::default()));
    }

    #[test]
    fn a_path_may_lead_through_another() {
        let only = by_json(&[
            ("user", vec![text("all"), WantedConfig::default()]),
            ("user.id", vec![integer(1)]),
        ]);
        assert!(!takes(&only, r#"{"user":{"id":1}}"#), "an object is neither");
        let only = by_json(&[("user.id", vec![integer(1)]), ("user.name", vec![pattern("(?m)^A")])]);
        assert!(takes(&only, r#"{"user":{"id":1,"name":"Ann"}}"#));
        assert!(!takes(&only, r#"{"user":{"id":1,"name":"Bob"}}"#));
    }

    #[test]
    fn keys_and_headers_decide() {
        let only = only(FilterConfig {
            key: Some(vec![pattern("^user-[0-9]+$")]),
            headers: vec![
                ("type".to_owned(), vec![text("a"), text("b")]),
                ("trace".to_owned(), vec![WantedConfig::default()]),
            ],
            ..FilterConfig::default()
        });
        let message = |key: &'static [u8], headers: &'static [(&'static [u8], Option<&'static [u8]>)]| Parts {
            key: Some(key),
            headers,
            ..Parts::default()
        };
        assert!(only.matches(&message(b"user-1", &[(b"type", Some(b"x")), (b"type", Some(b"b"))])));
        assert!(!only.matches(&message(b"user-", &[(b"type", Some(b"b"))])));
        assert!(!only.matches(&message(b"user-1", &[(b"type", Some(b"c"))])));
        assert!(!only.matches(&message(b"user-1", &[])));
        assert!(!only.matches(&message(b"user-1", &[(b"type", Some(b"a")), (b"trace", Some(b"1"))])));
        assert!(only.matches(&message(b"user-1", &[(b"type", Some(b"a")), (b"trace", None)])));
    }

    #[test]
    fn what_cannot_be_compiled_is_refused() {
        let look_behind = FilterConfig {
            key: Some(vec![pattern("(?<=a)b")]),
            ..FilterConfig::default()
        };
        assert!(Filter::try_from(look_behind).is_err());
        let many = (0..65).map(|number| (vec![format!("f{number}")], vec![integer(1)]));
        let many = FilterConfig {
            json: many.collect(),
            ..FilterConfig::default()
        };
        assert!(Filter::try_from(many).is_err());
    }
}
