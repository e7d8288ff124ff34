#[magnus::init(name = "karafka_rs")]
fn init(_ruby: &magnus::Ruby) -> Result<(), magnus::Error> { Ok(()) }
