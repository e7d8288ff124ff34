//! `Karafka::Native.resident_bytes`: once a look at a process.

use karafka_core::memory;
use magnus::{function, prelude::*, Error, RModule};

pub fn define(native: RModule) -> Result<(), Error> {
    native.define_singleton_method("resident_bytes", function!(memory::resident_bytes, 1))?;
    Ok(())
}
