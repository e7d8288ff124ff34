//! Classes of Ruby whose objects are Rust's.

use magnus::{prelude::*, Error, RClass, RModule, Ruby, TypedData};

/// Defines the class of `T` below `native`.
///
/// It is looked up now, once and for all: magnus would do that with the first object, by calling Ruby, and a signal that comes in that
/// moment would be a panic.
///
/// # Errors
///
/// There is a constant of that name which is no class.
pub fn define<T: TypedData>(ruby: &Ruby, native: RModule, name: &str) -> Result<RClass, Error> {
    native.define_class(name, ruby.class_object())?;
    Ok(T::class(ruby))
}
