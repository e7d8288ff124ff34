//! What librdkafka knows of its settings, for Ruby.

use std::collections::BTreeMap;

use karafka_core::error::KafkaError;
use karafka_core::settings::{self, Scope};
use magnus::{function, prelude::*, Error, RArray, RHash, RModule, Ruby};

/// { name => "C", "P" or "*" }
fn kafka_properties(ruby: &Ruby) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    for (name, property) in settings::properties() {
        hash.aset(name.as_str(), property.scope.as_str())?;
    }
    Ok(hash)
}

/// { name => the main name of the same setting }
fn kafka_aliases(ruby: &Ruby) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    for (name, property) in settings::properties() {
        if let Some(main) = &property.alias_of {
            hash.aset(name.as_str(), main.as_str())?;
        }
    }
    Ok(hash)
}

fn scope(role: &str) -> Scope {
    match role {
        "producer" => Scope::Producer,
        _ => Scope::Consumer,
    }
}

fn pairs(given: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    given.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

/// [[name, reason]] of what is refused.
fn check_kafka_settings(ruby: &Ruby, given: RHash, role: String) -> Result<RArray, Error> {
    let given: BTreeMap<String, String> = given.to_btree_map()?;
    let refused = ruby.ary_new();
    for (name, reason) in settings::check_for(scope(&role), pairs(&given)) {
        refused.push((name, reason))?;
    }
    Ok(refused)
}

/// nil, or why librdkafka makes no client of settings that are fine one by one. It takes milliseconds; to give the GVL up for
/// them would start a thread of Ruby's own in a process that has none.
fn try_kafka_settings(given: RHash, role: String) -> Result<Option<String>, Error> {
    let given: BTreeMap<String, String> = given.to_btree_map()?;
    Ok(settings::attempt(scope(&role), pairs(&given)))
}

/// [name, text, fatal, retryable] of an error code.
fn kafka_error(ruby: &Ruby, number: i32) -> (magnus::Symbol, String, bool, bool) {
    let error = KafkaError::from_number(number);
    (ruby.to_symbol(&error.code), error.message, error.fatal, error.retryable)
}

pub fn define(native: RModule) -> Result<(), Error> {
    native.define_singleton_method("librdkafka_version", function!(settings::librdkafka_version, 0))?;
    native.define_singleton_method("kafka_properties", function!(kafka_properties, 0))?;
    native.define_singleton_method("kafka_aliases", function!(kafka_aliases, 0))?;
    native.define_singleton_method("check_kafka_settings", function!(check_kafka_settings, 2))?;
    native.define_singleton_method("try_kafka_settings", function!(try_kafka_settings, 2))?;
    native.define_singleton_method("kafka_error", function!(kafka_error, 1))?;
    Ok(())
}
