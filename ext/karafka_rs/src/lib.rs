//! Ruby binding of the engine: conversion only, no decision.

mod errors;
mod gvl;
mod json;
mod producer;

use magnus::{prelude::*, Error, Ruby};

#[magnus::init(name = "karafka_rs")]
fn init(ruby: &Ruby) -> Result<(), Error> {
    let karafka = ruby.define_module("Karafka")?;
    let native = karafka.define_module("Native")?;
    json::define(ruby, native)?;
    producer::define(ruby, native)?;
    Ok(())
}
