//! What is traced of the messages of one call, from the call to their reports.

use super::delivery::NativeReport;
use crate::error::codes;
use crate::error::KafkaError;
use crate::trace::{self, Attribute, Context, Failure, Operation, Span, Timer};

/// One message: the context that goes with it, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub context: Context,
    parent: Option<Context>,
    /// What its header named before, where that is not the parent.
    link: Option<Context>,
}

impl Sent {
    /// `named`: what the header `traceparent` of the message says already, such as of a message that is passed on.
    pub fn of(named: Option<Context>) -> Self {
        let parent = trace::current().or(named);
        Sent {
            context: parent.map_or_else(Context::root, Context::child),
            parent,
            link: named.filter(|named| Some(*named) != parent),
        }
    }
}

/// In the order of the messages.
#[derive(Debug)]
pub(super) struct Sends {
    timer: Timer,
    sent: Box<[Sent]>,
}

impl Sends {
    /// None: nothing of it is recorded.
    pub fn begin(sent: &[Sent]) -> Option<Box<Self>> {
        let recorded = sent.iter().any(|one| one.context.sampled);
        recorded.then(|| {
            Box::new(Sends {
                timer: Timer::start(),
                sent: sent.into(),
            })
        })
    }

    /// Message `index` has its report.
    pub fn end(&self, index: usize, topic: Option<&str>, report: &NativeReport) {
        let Some(sent) = self.sent.get(index).filter(|sent| sent.context.sampled) else {
            return;
        };
        let (begun_ns, ended_ns) = self.timer.stop();
        let mut attributes = Vec::with_capacity(2);
        if report.partition >= 0 {
            let partition = Attribute::Numeral(report.partition.into());
            attributes.push(("messaging.destination.partition.id", partition));
        }
        if report.offset >= 0 && report.code == codes::NO_ERROR {
            attributes.push(("messaging.kafka.offset", Attribute::Number(report.offset)));
        }
        let failure = (report.code != codes::NO_ERROR).then(|| {
            let error = KafkaError::from_number(report.code);
            Failure {
                kind: error.code.clone(),
                message: report.detail.clone().unwrap_or(error.message),
            }
        });
        let span = Span {
            context: sent.context,
            parent: sent.parent.map(|parent| parent.span_id),
            operation: Operation::Send,
            topic: topic.unwrap_or_default().into(),
            begun_ns,
            ended_ns,
            attributes,
            links: sent.link.into_iter().collect(),
            failure,
        };
        span.record();
    }
}
