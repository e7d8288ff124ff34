//! Ruby binding of the engine: conversion only, no decision.

mod engine;
mod errors;
mod events;
mod gvl;
mod json;
mod lease;
mod mock_broker;
mod only;
mod producer;

use magnus::{prelude::*, Error, Ruby};

#[magnus::init(name = "karafka_rs")]
fn init(ruby: &Ruby) -> Result<(), Error> {
    let karafka = ruby.define_module("Karafka")?;
    let native = karafka.define_module("Native")?;
    karafka_core::fork::register();
    mock_broker::define(ruby, native)?;
    engine::define(ruby, native)?;
    lease::define(ruby, native)?;
    json::define(ruby, native)?;
    only::define(ruby, native)?;
    producer::define(ruby, native)?;
    Ok(())
}
