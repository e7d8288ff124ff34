//! What every class of the extension needs: giving up the GVL, exceptions, Hashes, classes.

pub mod class;
pub mod errors;
pub mod gvl;
pub mod hash;
