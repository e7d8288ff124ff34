//! `tracing` into the bounded event queue of whoever listens: log lines reach the host's logger without a call from our threads.

use std::fmt::Write;
use std::sync::{Arc, Once, Weak};

use crate::sync::Mutex;
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::event::{Event, EventQueue};

static LISTENERS: Mutex<Vec<Weak<EventQueue>>> = Mutex::new(Vec::new());
static INSTALL: Once = Once::new();

/// From now on `queue` gets the process's log lines, as long as it lives and was the first to ask.
pub fn listen(queue: &Arc<EventQueue>) {
    let mut listeners = LISTENERS.lock();
    listeners.retain(|listener| listener.strong_count() > 0);
    listeners.push(Arc::downgrade(queue));
    drop(listeners);
    INSTALL.call_once(|| {
        // Fails only where the host process installed a subscriber of its own: then that one has our lines.
        if let Err(error) = tracing_subscriber::registry().with(QueueLayer).try_init() {
            tracing::debug!("another tracing subscriber is installed: {error}");
        }
    });
}

struct QueueLayer;

impl<S: Subscriber> Layer<S> for QueueLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Debug lines of librdkafka exist only where the user set its `debug`.
        *metadata.level() <= Level::INFO || (metadata.target() == "librdkafka" && *metadata.level() <= Level::DEBUG)
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let listener = LISTENERS.lock().iter().find_map(Weak::upgrade);
        let Some(queue) = listener else { return };
        let mut message = Message(String::new());
        event.record(&mut message);
        let metadata = event.metadata();
        queue.push(Event::Log {
            level: level_name(metadata.level()),
            target: metadata.target().to_owned(),
            message: message.0,
        });
    }
}

fn level_name(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// `queue` takes no more.
pub fn unlisten(queue: &Arc<EventQueue>) {
    LISTENERS
        .lock()
        .retain(|listener| !std::ptr::eq(listener.as_ptr(), Arc::as_ptr(queue)));
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String never fails.
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}
