//! `Karafka::Native.close_in_children`: files of this process that its forked children are not to have. Once a process.

use karafka_core::fork_files;
use magnus::{function, prelude::*, Error, RModule};

pub fn define(native: RModule) -> Result<(), Error> {
    native.define_singleton_method("close_in_children", function!(fork_files::close_in_children, 1))?;
    native.define_singleton_method("keep_in_children", function!(fork_files::forget, 1))?;
    Ok(())
}
