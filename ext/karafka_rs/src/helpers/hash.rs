//! Structs of the core as Hashes with Symbols as keys.

use std::sync::Arc;

use karafka_core::error::KafkaError;
use magnus::{Error, IntoValue, RArray, RHash, Ruby};

/// A Hash that is being filled.
pub struct Fields<'a> {
    ruby: &'a Ruby,
    hash: RHash,
}

impl<'a> Fields<'a> {
    pub fn new(ruby: &'a Ruby) -> Self {
        Fields {
            ruby,
            hash: ruby.hash_new(),
        }
    }

    /// Of an event: its `type` comes first.
    pub fn of_type(ruby: &'a Ruby, name: &str) -> Result<Self, Error> {
        Fields::new(ruby).symbol("type", name)
    }

    pub fn add(self, name: &str, value: impl IntoValue) -> Result<Self, Error> {
        self.hash.aset(self.ruby.to_symbol(name), value)?;
        Ok(self)
    }

    pub fn symbol(self, name: &str, value: &str) -> Result<Self, Error> {
        let value = self.ruby.to_symbol(value);
        self.add(name, value)
    }

    /// Everything that an error says of itself.
    pub fn error(self, error: &KafkaError) -> Result<Self, Error> {
        self.symbol("code", &error.code)?
            .add("message", error.message.as_str())?
            .add("fatal", error.fatal)?
            .add("retryable", error.retryable)?
            .add("topic", error.topic.as_deref())?
            .add("partition", error.partition)
    }

    pub fn done(self) -> RHash {
        self.hash
    }
}

/// One value for each item.
pub fn list<T, V: IntoValue>(
    ruby: &Ruby,
    items: impl ExactSizeIterator<Item = T>,
    convert: impl Fn(T) -> Result<V, Error>,
) -> Result<RArray, Error> {
    let list = ruby.ary_new_capa(items.len());
    for item in items {
        list.push(convert(item)?)?;
    }
    Ok(list)
}

/// `[[topic, partition], …]`
pub fn partitions(ruby: &Ruby, partitions: &[(Arc<str>, i32)]) -> Result<RArray, Error> {
    list(ruby, partitions.iter(), |(topic, partition)| Ok((&**topic, *partition)))
}
