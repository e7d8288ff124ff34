use magnus::{Error, RModule, Ruby};

pub fn define(_ruby: &Ruby, _native: RModule) -> Result<(), Error> {
    Ok(())
}
