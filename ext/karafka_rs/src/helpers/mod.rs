//! What every class of the extension needs: giving up the GVL, exceptions, Hashes.

pub mod errors;
pub mod gvl;
pub mod hash;
