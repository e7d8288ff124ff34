//! The one place where the core's errors become Ruby exceptions, and panics become errors.

use karafka_core::error::{Error as CoreError, KafkaError};
use magnus::{kwargs, prelude::*, Error, ExceptionClass, RModule, Ruby};

/// `Karafka::Errors::<name>`; the classes are declared in lib/karafka/base/errors.rb.
pub fn class(ruby: &Ruby, name: &str) -> Result<ExceptionClass, Error> {
    let karafka: RModule = ruby.class_object().const_get("Karafka")?;
    let errors: RModule = karafka.const_get("Errors")?;
    errors.const_get(name)
}

pub fn raise(ruby: &Ruby, error: CoreError) -> Error {
    match build(ruby, error) {
        Ok(error) | Err(error) => error,
    }
}

fn build(ruby: &Ruby, error: CoreError) -> Result<Error, Error> {
    let message = error.to_string();
    let name = match &error {
        CoreError::Config { .. } => "InvalidConfigurationError",
        CoreError::Kafka { source, .. } => return kafka(ruby, &message, source),
        CoreError::TimedOut { .. } => "TimeoutError",
        CoreError::Closed => "ClosedError",
        CoreError::Forked => "ForkedError",
        CoreError::Internal(_) => "InternalError",
    };
    Ok(Error::new(class(ruby, name)?, message))
}

fn kafka(ruby: &Ruby, message: &str, source: &KafkaError) -> Result<Error, Error> {
    let exception: magnus::Exception = class(ruby, "KafkaError")?.funcall(
        "new",
        (
            message,
            kwargs!(
                ruby,
                "code" => ruby.to_symbol(&source.code),
                "fatal" => source.fatal,
                "retryable" => source.retryable,
                "topic" => source.topic.clone(),
                "partition" => source.partition
            ),
        ),
    )?;
    Ok(exception.into())
}
