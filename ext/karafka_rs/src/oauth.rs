//! Tokens of OAUTHBEARER: seldom, and never for a message.

use std::time::Duration;

use karafka_core::cancel::Cancel;
use karafka_core::oauth::{self, Token};
use magnus::{function, prelude::*, Error, RArray, RHash, RModule, Ruby};

use crate::helpers::{errors, gvl};

/// [[client, listener, name, config]] of clients that want a token; empty: the time is over.
fn wait(ruby: &Ruby, timeout_ms: u64) -> Result<RArray, Error> {
    let cancel = Cancel::new();
    let list = ruby.ary_new();
    let taken = gvl::without_gvl(
        || oauth::wait(Duration::from_millis(timeout_ms), &cancel),
        || oauth::wake(&cancel),
    );
    for wanted in taken.into_iter().flatten() {
        list.push((wanted.client, wanted.listener, wanted.name, wanted.config))?;
    }
    if list.is_empty() {
        gvl::check_interrupts(ruby)?;
    }
    Ok(list)
}

/// false: that client has ended.
fn set_token(
    ruby: &Ruby,
    client: u64,
    value: String,
    expires_ms: i64,
    principal: String,
    extensions: RHash,
) -> Result<bool, Error> {
    let extensions: std::collections::BTreeMap<String, String> = extensions.to_btree_map()?;
    let token = Token {
        value,
        expires_ms,
        principal,
        extensions: extensions.into_iter().collect(),
    };
    oauth::set_token(client, &token).map_err(|error| errors::raise(ruby, error))
}

fn set_failure(ruby: &Ruby, client: u64, reason: String) -> Result<bool, Error> {
    oauth::set_failure(client, &reason).map_err(|error| errors::raise(ruby, error))
}

pub fn define(native: RModule) -> Result<(), Error> {
    native.define_singleton_method("oauth_wait", function!(wait, 1))?;
    native.define_singleton_method("oauth_set_token", function!(set_token, 5))?;
    native.define_singleton_method("oauth_set_failure", function!(set_failure, 2))
}
