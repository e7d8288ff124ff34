//! `tracing` into the bounded event queue of whoever listens: log lines reach the host's logger without a call from our threads.

use std::fmt::Write;
use std::sync::{Arc, Once, Weak};

use crate::base::per_process::PerProcess;
use crate::base::sync::Mutex;
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::event::{Event, EventQueue};

/// The listeners of this process: nobody reads a parent's queues in a forked child.
static LISTENERS: PerProcess<Mutex<Vec<Weak<EventQueue>>>> = PerProcess::new(Mutex::default);
static INSTALL: Once = Once::new();

fn listeners() -> &'static Mutex<Vec<Weak<EventQueue>>> {
    LISTENERS.get()
}

/// From now on `queue` gets the process's log lines, as long as it lives and was the first to ask.
pub fn listen(queue: &Arc<EventQueue>) {
    let mut queues = listeners().lock();
    queues.retain(|listener| listener.strong_count() > 0);
    queues.push(Arc::downgrade(queue));
    drop(queues);
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
        let listener = listeners().lock().iter().find_map(Weak::upgrade);
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
    listeners()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cancel::Cancel;
    use std::time::Duration;

    fn heard(queue: &EventQueue, text: &str) -> bool {
        let taken = queue.receive(Duration::ZERO, &Cancel::new()).unwrap_or_default();
        let is_it = |event: &Event| matches!(event, Event::Log { message, .. } if message.contains(text));
        taken.iter().any(is_it)
    }

    #[test]
    fn a_forked_child_hears_its_own_lines_whatever_lock_was_held() {
        let parents = Arc::new(EventQueue::new(100));
        listen(&parents);
        // As a thread of librdkafka does when it logs.
        let held = listeners().lock();
        // SAFETY: the child takes a queue of its own and ends; the alarm ends it where it hangs.
        let status = unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::alarm(60);
                let own = Arc::new(EventQueue::new(100));
                listen(&own);
                tracing::error!("in the child");
                libc::_exit(i32::from(!heard(&own, "in the child")));
            }
            let mut status = -1;
            libc::waitpid(child, &mut status, 0);
            status
        };
        drop(held);
        unlisten(&parents);
        assert_eq!(status, 0);
    }
}
