//! Ruby binding of the engine: conversion only, no decision.

mod admin;
mod engine;
mod filter;
mod fork_files;
mod heartbeat;
mod helpers;
mod json;
mod lease;
mod memory;
mod mock_broker;
mod oauth;
mod observer;
mod producer;
mod reader;
mod settings;
mod trace;

use magnus::{prelude::*, Error, Ruby};

#[magnus::init(name = "karafka_rs")]
fn init(ruby: &Ruby) -> Result<(), Error> {
    let karafka = ruby.define_module("Karafka")?;
    let native = karafka.define_module("Native")?;
    karafka_core::fork::register();
    mock_broker::define(ruby, native)?;
    admin::define(ruby, native)?;
    engine::define(ruby, native)?;
    heartbeat::define(ruby, native)?;
    lease::define(ruby, native)?;
    memory::define(native)?;
    json::define(ruby, native)?;
    filter::define(ruby, native)?;
    fork_files::define(native)?;
    producer::define(ruby, native)?;
    reader::define(ruby, native)?;
    settings::define(native)?;
    oauth::define(native)?;
    observer::define(ruby, native)?;
    trace::define(ruby, native)?;
    Ok(())
}
