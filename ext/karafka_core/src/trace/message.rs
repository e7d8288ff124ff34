//! One message of a batch, where the application wants a span for it. It continues the trace of whoever sent it, and is linked with its
//! batch.

use std::sync::Arc;

use super::{current, enter, Attribute, Context, Failure, Operation, Span, Timer};

pub struct MessageSpan {
    context: Context,
    parent: Option<Context>,
    batch: Option<Context>,
    topic: Arc<str>,
    attributes: Vec<(&'static str, Attribute)>,
    timer: Timer,
}

impl MessageSpan {
    /// What this thread does until `end` is below it.
    pub fn begin(topic: Arc<str>, attributes: Vec<(&'static str, Attribute)>, sender: Option<Context>) -> Self {
        let batch = current();
        let parent = sender.or(batch);
        let context = parent.map_or_else(Context::root, Context::child);
        enter(Some(context));
        MessageSpan {
            context,
            parent,
            batch,
            topic,
            attributes,
            timer: Timer::start(),
        }
    }

    /// In the thread that began it.
    pub fn end(self, failure: Option<Failure>) {
        enter(self.batch);
        let (begun_ns, ended_ns) = self.timer.stop();
        let span = Span {
            context: self.context,
            parent: self.parent.map(|parent| parent.span_id),
            operation: Operation::Process,
            topic: self.topic,
            begun_ns,
            ended_ns,
            attributes: self.attributes,
            links: self
                .batch
                .filter(|batch| batch.sampled && Some(*batch) != self.parent)
                .into_iter()
                .collect(),
            failure,
        };
        span.record();
    }
}
