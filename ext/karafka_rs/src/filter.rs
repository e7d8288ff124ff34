//! `Karafka::Native::Filter`: the filter of a topic, for checking it when it is drawn and for tests. One crossing each; the
//! messages that the engine fetches do not come here.

use karafka_core::filter::{Filter as Core, FilterConfig, Parts};
use magnus::{function, method, prelude::*, Error, RArray, RModule, RString, Ruby, Value};

use crate::helpers::{class, errors};

#[magnus::wrap(class = "Karafka::Native::Filter", free_immediately)]
pub struct Filter(Core);

fn copy(string: Option<RString>) -> Option<Vec<u8>> {
    // SAFETY: the bytes are copied at once; nothing of Ruby runs in between.
    string.map(|string| unsafe { string.as_slice() }.to_vec())
}

impl Filter {
    fn new(ruby: &Ruby, config: Value) -> Result<Self, Error> {
        let config: FilterConfig = serde_magnus::deserialize(ruby, config)?;
        Core::try_from(config)
            .map(Filter)
            .map_err(|error| errors::raise(ruby, error))
    }

    /// `headers`: pairs of name and value.
    fn is_match(&self, payload: Option<RString>, key: Option<RString>, headers: RArray) -> Result<bool, Error> {
        let (payload, key) = (copy(payload), copy(key));
        let mut pairs = Vec::with_capacity(headers.len());
        for index in 0..headers.len() {
            let (name, value): (RString, Option<RString>) = headers.entry(index as isize)?;
            pairs.push((copy(Some(name)).unwrap_or_default(), copy(value)));
        }
        let headers: Vec<_> = pairs.iter().map(|(name, value)| (&**name, value.as_deref())).collect();
        Ok(self.0.matches(&Parts {
            payload: payload.as_deref(),
            key: key.as_deref(),
            headers: &headers,
        }))
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<Filter>(ruby, native, "Filter")?;
    class.define_singleton_method("new", function!(Filter::new, 1))?;
    class.define_method("match?", method!(Filter::is_match, 3))?;
    Ok(())
}
