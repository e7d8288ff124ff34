//! A list of values of which one has to occur.

use regex::bytes::Regex;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::json::Number;

/// One value; with nothing set it stands for "nothing there".
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedConfig {
    pub text: Option<String>,
    /// An expression of the crate regex.
    pub pattern: Option<String>,
    pub integer: Option<i64>,
    pub float: Option<f64>,
    pub boolean: Option<bool>,
}

#[derive(Debug, Default)]
pub(super) struct Wanted {
    nothing: bool,
    texts: Vec<String>,
    patterns: Vec<Regex>,
    integers: Vec<i64>,
    floats: Vec<f64>,
    booleans: Vec<bool>,
}

impl Wanted {
    pub fn new(values: &[WantedConfig]) -> Result<Self> {
        let mut wanted = Wanted::default();
        for value in values {
            wanted.nothing |= *value == WantedConfig::default();
            wanted.texts.extend(value.text.clone());
            if let Some(source) = &value.pattern {
                wanted.patterns.push(compile(source)?);
            }
            wanted.integers.extend(value.integer);
            wanted.floats.extend(value.float);
            wanted.booleans.extend(value.boolean);
        }
        Ok(wanted)
    }

    pub fn nothing(&self) -> bool {
        self.nothing
    }

    pub fn boolean(&self, found: bool) -> bool {
        self.booleans.contains(&found)
    }

    pub fn text(&self, found: &[u8]) -> bool {
        self.texts.iter().any(|text| text.as_bytes() == found)
            || self.patterns.iter().any(|pattern| pattern.is_match(found))
    }

    /// Of a key or a header.
    pub fn bytes(&self, found: Option<&[u8]>) -> bool {
        found.map_or(self.nothing, |bytes| self.text(bytes))
    }

    /// 5 and 5.0 are the same number, as in Ruby.
    pub fn number(&self, found: &Number) -> bool {
        match *found {
            Number::Integer { negative, magnitude } => {
                let sign = if negative { -1 } else { 1 };
                let integer = i128::from(magnitude) * sign;
                self.integers.iter().any(|wanted| i128::from(*wanted) == integer)
                    || self.floats.contains(&(integer as f64))
            }
            Number::Float(float) => {
                self.floats.contains(&float) || self.integers.iter().any(|wanted| *wanted as f64 == float)
            }
        }
    }
}

fn compile(source: &str) -> Result<Regex> {
    Regex::new(source).map_err(|error| Error::Config {
        setting: "only".to_owned(),
        value: source.to_owned(),
        reason: error.to_string(),
    })
}
