//! Tracing. Crossings: once when it begins; once a produce call and once a failed batch while it is on; twice for a message that the
//! application traces alone.

use std::cell::RefCell;
use std::time::Duration;

use karafka_core::trace::{self, Attribute, Context, Counts, Failure, MessageSpan};
use magnus::{function, method, prelude::*, Error, RModule, RString, Ruby, Value};

use crate::helpers::{class, gvl};

/// Whether this build has the exporter.
fn traces() -> bool {
    cfg!(feature = "otlp")
}

/// Spans are exported as that says from now on; nil: no more.
#[cfg(feature = "otlp")]
fn trace(ruby: &Ruby, config: Option<Value>) -> Result<(), Error> {
    use crate::helpers::errors;
    use karafka_core::observe::otlp;

    match config {
        Some(config) => {
            let config: otlp::OtlpConfig = serde_magnus::deserialize(ruby, config)?;
            otlp::begin(config).map_err(|error| errors::raise(ruby, error))
        }
        None => gvl::blocking(ruby, otlp::end),
    }
}

#[cfg(not(feature = "otlp"))]
fn trace(_config: Option<Value>) {}

/// Waits until everything that was recorded is exported or given up. false: not in that time.
fn flush(ruby: &Ruby, timeout_ms: u64) -> Result<bool, Error> {
    gvl::blocking(ruby, || trace::queue().flush(Duration::from_millis(timeout_ms)))
}

/// exported, dropped, failed
fn counts() -> (u64, u64, u64) {
    let counts = Counts::now();
    (counts.exported, counts.dropped, counts.failed)
}

fn header(ruby: &Ruby, context: Option<Context>) -> Option<RString> {
    context.map(|context| ruby.str_from_slice(&context.header()))
}

/// What this thread works on, as the value of a header; nil: nothing that is traced.
fn current(ruby: &Ruby) -> Option<RString> {
    header(ruby, trace::current())
}

/// What this thread sends comes from there; nil: from what it works on.
fn set_parent(parent: Option<RString>) {
    trace::set_parent(parent.and_then(parse));
}

fn parse(header: RString) -> Option<Context> {
    // SAFETY: read at once, under the GVL, with no Ruby code in between.
    Context::parse(unsafe { header.as_slice() })
}

/// One message that the application processes.
#[magnus::wrap(class = "Karafka::Native::MessageSpan", free_immediately)]
struct Span(RefCell<Option<MessageSpan>>);

impl Span {
    fn begin(topic: String, partition: i32, offset: i64, sender: Option<RString>) -> Self {
        let attributes = vec![
            (
                "messaging.destination.partition.id",
                Attribute::Numeral(partition.into()),
            ),
            ("messaging.kafka.offset", Attribute::Number(offset)),
        ];
        let span = MessageSpan::begin(topic.into(), attributes, sender.and_then(parse));
        Span(RefCell::new(Some(span)))
    }

    /// kind and message: nil where it did not fail.
    fn end(&self, kind: Option<String>, message: Option<String>) {
        let failure = kind.map(|kind| Failure {
            kind,
            message: message.unwrap_or_default(),
        });
        if let Some(span) = self.0.take() {
            span.end(failure);
        }
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    native.define_singleton_method("traces?", function!(traces, 0))?;
    native.define_singleton_method("trace", function!(trace, 1))?;
    native.define_singleton_method("flush_traces", function!(flush, 1))?;
    native.define_singleton_method("trace_counts", function!(counts, 0))?;
    native.define_singleton_method("trace_context", function!(current, 0))?;
    native.define_singleton_method("trace_parent=", function!(set_parent, 1))?;
    let class = class::define::<Span>(ruby, native, "MessageSpan")?;
    class.define_singleton_method("begin", function!(Span::begin, 4))?;
    class.define_method("end", method!(Span::end, 2))?;
    Ok(())
}
