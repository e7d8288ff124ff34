//! The span of a batch: from handing it out to its end, with links to the spans that sent its messages. It is what its worker works on
//! meanwhile, so what that thread sends comes from it.

use crate::base::sync::Mutex;
use crate::batch::Slice;
use crate::consume::lease::{Delivery, Kind, Settlement};
use crate::consume::partition::Partition;
use crate::trace::{self, Attribute, Context, Failure, Operation, Span, Timer};

/// As SDKs keep by default.
const MOST_LINKS: usize = 128;

pub(super) struct BatchSpan {
    context: Context,
    links: Vec<Context>,
    timer: Timer,
    failure: Mutex<Option<Failure>>,
}

impl BatchSpan {
    /// None: tracing is off, or no messages are in it.
    pub fn begin(delivery: &Delivery) -> Option<Box<Self>> {
        if !trace::is_on() || delivery.kind != Kind::Consume {
            return None;
        }
        let senders = Senders::of(&delivery.messages);
        let mut context = Context::root();
        // A chain that is sampled stays whole; one that is not leads nowhere.
        if !senders.sampled.is_empty() || senders.unsampled {
            context.sampled = !senders.sampled.is_empty();
        }
        trace::enter(Some(context));
        Some(Box::new(BatchSpan {
            context,
            links: senders.sampled,
            timer: Timer::start(),
            failure: Mutex::default(),
        }))
    }

    pub fn context(&self) -> Context {
        self.context
    }

    pub fn fail(&self, failure: Failure) {
        *self.failure.lock() = Some(failure);
    }

    /// `here`: in the thread that works on it.
    pub fn end(&self, partition: &Partition, delivery: &Delivery, settlement: Settlement, here: bool) {
        if here {
            trace::enter(None);
        }
        if !self.context.sampled {
            return;
        }
        let (begun_ns, ended_ns) = self.timer.stop();
        let messages = &delivery.messages;
        let number = |value: usize| Attribute::Number(value as i64);
        let mut attributes = vec![
            (
                "messaging.destination.partition.id",
                Attribute::Numeral(partition.number.into()),
            ),
            (
                "messaging.consumer.group.name",
                Attribute::Text(partition.figures.metrics.group.clone()),
            ),
            ("messaging.batch.message_count", number(messages.len())),
            ("karafka.attempt", number(partition.attempt(delivery) as usize)),
        ];
        if let Some(offset) = messages.first_offset() {
            attributes.push(("messaging.kafka.offset", Attribute::Number(offset)));
        }
        let failure = self.failure.lock().take().or_else(|| unexplained(settlement));
        let span = Span {
            context: self.context,
            parent: None,
            operation: Operation::Process,
            topic: partition.topic.clone(),
            begun_ns,
            ended_ns,
            attributes,
            links: self.links.clone(),
            failure,
        };
        span.record();
    }
}

/// Of a batch that failed without an exception.
fn unexplained(settlement: Settlement) -> Option<Failure> {
    let (kind, message) = match settlement {
        Settlement::Ack | Settlement::Release | Settlement::SkipMessage { .. } => return None,
        Settlement::Retry { .. } => ("retry", "it comes again"),
        Settlement::Untried { .. } => ("untried", "no consumer could be made for it"),
        Settlement::Dropped => ("abandoned", "it was dropped without an end, and comes again"),
    };
    Some(Failure {
        kind: kind.to_owned(),
        message: message.to_owned(),
    })
}

/// The spans that sent the messages of a batch.
#[derive(Default)]
struct Senders {
    /// Each once; no more than anybody keeps.
    sampled: Vec<Context>,
    unsampled: bool,
}

impl Senders {
    fn of(messages: &Slice) -> Self {
        let mut senders = Senders::default();
        for index in 0..messages.len() {
            let Some(context) = sender(messages, index) else {
                continue;
            };
            if !context.sampled {
                senders.unsampled = true;
            } else if !senders.sampled.contains(&context) {
                senders.sampled.push(context);
                if senders.sampled.len() == MOST_LINKS {
                    break;
                }
            }
        }
        senders
    }
}

/// The last header of that name counts, as for whoever reads headers into a Hash.
fn sender(messages: &Slice, index: usize) -> Option<Context> {
    let named = messages.headers(index).filter(|(name, _)| *name == trace::HEADER);
    named.last().and_then(|(_, value)| Context::parse(value?))
}
