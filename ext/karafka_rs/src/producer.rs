//! `Karafka::Native::Producer`. Crossings: `produce` once a call with all of its messages, `produce_lines` once for a block of
//! lines, the rest once a process or when it was idle.

mod delivery;
mod ending;
mod events;
mod gather;
mod lines;
mod reports;
mod single;
mod transaction;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::config::ProducerConfig;
use karafka_core::error::{Error as CoreError, KafkaError};
use karafka_core::produce::{
    partition_of_key, AutoCreate, Dispatch, FatalError, Hearing, Messages, Producer as Core, Progress, Waited,
};
use magnus::rb_sys::FromRawValue;
use magnus::{function, method, prelude::*, Error, RArray, RHash, RModule, RString, Ruby, Symbol, Value};

use crate::helpers::gvl::SIGNALS;
use crate::helpers::{class, errors, gvl};
use delivery::Delivery;
use gather::Gathered;

/// Up to this many messages and bytes are handed over without giving the GVL up first: that would cost more than the
/// work, which never blocks. Measured: see docs/architecture.md.
const FEW_MESSAGES: usize = 8;
const FEW_BYTES: usize = 64 * 1024;
/// Of syslog.
const WARNING: i32 = 4;

#[magnus::wrap(class = "Karafka::Native::Producer", free_immediately)]
struct Producer {
    core: Core,
    max_payload_size: usize,
    /// Whether the log has a line about a timestamp in seconds.
    warned: AtomicBool,
}

fn raise<T>(ruby: &Ruby, result: Result<T, CoreError>) -> Result<T, Error> {
    result.map_err(|error| errors::raise(ruby, error))
}

/// None: forever.
fn deadline(timeout_ms: i64) -> Option<Instant> {
    u64::try_from(timeout_ms)
        .ok()
        .and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)))
}

impl Producer {
    /// config: as `ProducerConfig` of the core has it.
    fn new(ruby: &Ruby, config: Value) -> Result<Self, Error> {
        let config: ProducerConfig = serde_magnus::deserialize(ruby, config)?;
        let max_payload_size = config.max_payload_size;
        Ok(Producer {
            core: raise(ruby, Core::configured(config))?,
            max_payload_size,
            warned: AtomicBool::new(false),
        })
    }

    /// The event `reload` of that attempt was passed on; these are the settings from now on.
    fn heard_of_reload(ruby: &Ruby, rb_self: &Self, attempt: u32, kafka: RHash) -> Result<(), Error> {
        raise(ruby, rb_self.core.heard_of_reload(attempt, kafka.to_btree_map()?))
    }

    /// One Hash or an Array of them. Gives
    /// * a Delivery, where librdkafka has taken everything,
    /// * [:invalid, index, field, reason], where nothing was taken,
    /// * [:refused, delivery, taken, code, message, fatal], where the first `taken` messages were.
    ///
    /// queue_full_timeout_ms: -1 waits forever. tag: reports become events under this number, 0: they don't.
    fn produce(
        ruby: &Ruby,
        rb_self: &Self,
        messages: Value,
        queue_full_timeout_ms: i64,
        tag: u64,
    ) -> Result<Value, Error> {
        let empty = |expected| raise(ruby, rb_self.core.messages(rb_self.max_payload_size, expected));
        let gathered = match gather::messages(ruby, messages, empty)? {
            Ok(gathered) => gathered,
            Err(refusal) => return Ok(invalid(ruby, refusal)),
        };
        rb_self.enqueue(ruby, gathered, queue_full_timeout_ms, tag)
    }

    fn enqueue(&self, ruby: &Ruby, gathered: Gathered, queue_full_timeout_ms: i64, tag: u64) -> Result<Value, Error> {
        if let Some(early) = gathered.early.filter(|_| !self.warned.swap(true, Ordering::Relaxed)) {
            let advice =
                "write a Time, or (time.to_f * 1000).to_i. This is the only warning, messages are sent as they are";
            let text = format!(
                "timestamp {early} is before the year 2000: an Integer is in milliseconds, and a topic deletes what is older than its \
                 retention.ms. For seconds {advice}"
            );
            self.core.log(WARNING, text);
        }
        let few = gathered.messages.len() <= FEW_MESSAGES && gathered.messages.bytesize() <= FEW_BYTES;
        let mut dispatch = raise(ruby, self.core.dispatch(gathered.messages, tag))?;
        let delivery = Delivery::new(dispatch.deliveries(), gathered.labelled);
        let progress = if few {
            raise(ruby, dispatch.try_run())?
        } else {
            Progress::WouldBlock
        };
        let progress = match progress {
            Progress::WouldBlock => run(ruby, &mut dispatch, deadline(queue_full_timeout_ms))?,
            progress => progress,
        };
        match progress {
            Progress::Refused(error) => refused(ruby, delivery, dispatch.taken(), &error),
            _ => Ok(ruby.into_value(delivery)),
        }
    }

    /// One Hash, the short way: a handle of the class given to `Native.single_handles=`. nil: call `produce`. tag: as there.
    fn produce_one(ruby: &Ruby, rb_self: &Self, message: Value, tag: u64) -> Value {
        let handle = single::produce(&rb_self.core, message, rb_self.max_payload_size, tag);
        // SAFETY: a new object, on the stack all along.
        handle.map_or_else(|| ruby.qnil().as_value(), |handle| unsafe { Value::from_raw(handle) })
    }

    /// Until message `index` (nil: every message) is reported, and the subscribers were called where its report became an event.
    /// timeout_ms -1: forever. false: timed out.
    fn wait(
        ruby: &Ruby,
        rb_self: &Self,
        delivery: &Delivery,
        index: Option<usize>,
        timeout_ms: i64,
    ) -> Result<bool, Error> {
        let set = &delivery.set;
        let deadline = deadline(timeout_ms);
        let mut hearing = Hearing::default();
        gvl::check_interrupts(ruby)?;
        loop {
            let cancel = Cancel::within(SIGNALS);
            let wake = || {
                cancel.set();
                set.wake();
            };
            let wait = || {
                rb_self
                    .core
                    .wait_until_heard(set, index, deadline, &mut hearing, &cancel)
            };
            match gvl::without_gvl(wait, wake) {
                None | Some(Ok(Waited::Cancelled)) => gvl::check_interrupts(ruby)?,
                Some(Ok(Waited::Done | Waited::Over)) => return Ok(true),
                Some(Ok(Waited::TimedOut)) => return Ok(false),
                Some(Err(error)) => return Err(errors::raise(ruby, error)),
            }
        }
    }

    /// What `produce` would say of these messages: nil or [:invalid, index, field, reason]. Sends nothing.
    fn check(ruby: &Ruby, messages: Value, max_payload_size: usize) -> Result<Option<Value>, Error> {
        let empty = |expected| Ok(Messages::new(max_payload_size, expected));
        Ok(gather::messages(ruby, messages, empty)?
            .err()
            .map(|refusal| invalid(ruby, refusal)))
    }

    /// Where a message with that key goes among `count` partitions.
    fn partition_of_key(partitioner: String, key: RString, count: i32) -> i32 {
        // SAFETY: hashed at once, under the GVL, with no Ruby code in between.
        partition_of_key(&partitioner, unsafe { key.as_slice() }, count)
    }

    fn serial(&self) -> u64 {
        self.core.serial()
    }

    fn queue_size(&self) -> usize {
        self.core.queue_size()
    }

    /// [names, what brokers say of creating them, as {WaterDrop::Producer#missing_topics}]; nil: no answer.
    fn missing_topics(
        ruby: &Ruby,
        rb_self: &Self,
        names: Vec<String>,
        timeout_ms: u64,
    ) -> Result<Option<(Vec<String>, Symbol)>, Error> {
        let ask = || rb_self.core.missing_topics(&names, Duration::from_millis(timeout_ms));
        // Not to be woken, so the time is short.
        let found = raise(ruby, gvl::without_gvl(ask, || ()).transpose())?.flatten();
        gvl::check_interrupts(ruby)?;
        Ok(found.map(|(missing, auto_create)| {
            let name = match auto_create {
                AutoCreate::On => "on",
                AutoCreate::Off => "off",
                AutoCreate::Unsaid => "unsaid",
                AutoCreate::Unanswered => "unanswered",
            };
            (missing, ruby.to_symbol(name))
        }))
    }

    /// [code, text] of what keeps it from its brokers, or did within that many milliseconds.
    fn trouble(ruby: &Ruby, rb_self: &Self, waited_ms: u64) -> Result<Option<RArray>, Error> {
        let Some(trouble) = rb_self.core.trouble(Duration::from_millis(waited_ms)) else {
            return Ok(None);
        };
        let pair = ruby.ary_new_capa(2);
        pair.push(ruby.to_symbol(&trouble.code))?;
        pair.push(trouble.text.as_str())?;
        Ok(Some(pair))
    }

    fn partition_count(ruby: &Ruby, rb_self: &Self, topic: String, timeout_ms: u64) -> Result<i32, Error> {
        let deadline = Instant::now() + Duration::from_millis(timeout_ms);
        loop {
            let cancel = Cancel::within(SIGNALS);
            let left = deadline.saturating_duration_since(Instant::now());
            let ask = || rb_self.core.partition_count(&topic, left, &cancel);
            if let Some(count) = raise(ruby, gvl::without_gvl(ask, || cancel.set()).transpose())?.flatten() {
                return Ok(count);
            }
            gvl::check_interrupts(ruby)?;
        }
    }

    /// The object that gives the events, without keeping this one.
    fn event_source(ruby: &Ruby, rb_self: &Self) -> Result<events::ProducerEvents, Error> {
        raise(ruby, rb_self.core.events()).map(events::ProducerEvents::new)
    }

    /// Whether nothing is under way. Then the next message goes the long way, and somebody calls `wake_up` after it.
    fn go_dormant(&self) -> bool {
        self.core.go_dormant()
    }

    /// Whether it was at rest. Under the GVL as `go_dormant` is, after a message was taken: so none is missed.
    fn wake_up(&self) -> bool {
        self.core.wake_up()
    }

    /// For tests, with a code of librdkafka's.
    fn inject_fatal_error(ruby: &Ruby, rb_self: &Self, number: i32, reason: String) -> Result<(), Error> {
        raise(
            ruby,
            rb_self.core.inject_fatal_error(FatalError::Number(number), &reason),
        )
    }

    /// [number, text], or nil.
    fn fatal_error(ruby: &Ruby, rb_self: &Self) -> Result<Option<(i32, String)>, Error> {
        let error = raise(ruby, rb_self.core.fatal_error())?;
        Ok(error.map(|error| (error.number, error.message)))
    }
}

/// Until it is through, whatever interrupts come that do not raise. Where one raises, the rest is reported as refused.
fn run(ruby: &Ruby, dispatch: &mut Dispatch<'_>, deadline: Option<Instant>) -> Result<Progress, Error> {
    loop {
        let cancel = Cancel::within(SIGNALS);
        let wake = dispatch.waker();
        let progress = gvl::without_gvl(
            || dispatch.run(deadline, &cancel),
            || {
                cancel.set();
                wake();
            },
        );
        match progress {
            None | Some(Ok(Progress::Cancelled)) => gvl::check_interrupts(ruby)?,
            Some(progress) => return raise(ruby, progress),
        }
    }
}

fn invalid(ruby: &Ruby, (index, invalid): gather::Refusal) -> Value {
    ruby.into_value((
        ruby.to_symbol("invalid"),
        index,
        ruby.to_symbol(invalid.field),
        invalid.reason,
    ))
}

fn refused(ruby: &Ruby, delivery: Delivery, taken: usize, error: &KafkaError) -> Result<Value, Error> {
    let list = ruby.ary_new_capa(6);
    list.push(ruby.to_symbol("refused"))?;
    list.push(delivery)?;
    list.push(taken)?;
    list.push(ruby.to_symbol(&error.code))?;
    list.push(error.message.as_str())?;
    list.push(error.fatal)?;
    Ok(list.as_value())
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<Producer>(ruby, native, "Producer")?;
    class.define_singleton_method("new", function!(Producer::new, 1))?;
    class.define_singleton_method("check", function!(Producer::check, 2))?;
    class.define_singleton_method("partition_of_key", function!(Producer::partition_of_key, 3))?;
    class.define_method("produce", method!(Producer::produce, 3))?;
    class.define_method("produce_one", method!(Producer::produce_one, 2))?;
    class.define_method("serial", method!(Producer::serial, 0))?;
    class.define_method("heard_of_reload", method!(Producer::heard_of_reload, 2))?;
    class.define_method("wait", method!(Producer::wait, 3))?;
    class.define_method("queue_size", method!(Producer::queue_size, 0))?;
    class.define_method("missing_topics", method!(Producer::missing_topics, 2))?;
    class.define_method("trouble", method!(Producer::trouble, 1))?;
    class.define_method("partition_count", method!(Producer::partition_count, 2))?;
    class.define_method("event_source", method!(Producer::event_source, 0))?;
    class.define_method("go_dormant", method!(Producer::go_dormant, 0))?;
    class.define_method("wake_up", method!(Producer::wake_up, 0))?;
    class.define_method("inject_fatal_error", method!(Producer::inject_fatal_error, 2))?;
    class.define_method("fatal_error", method!(Producer::fatal_error, 0))?;
    single::define(native)?;
    events::define(ruby, native)?;
    reports::define(ruby, native)?;
    lines::define(class)?;
    ending::define(class)?;
    transaction::define(class)?;
    delivery::define(ruby, native)
}
