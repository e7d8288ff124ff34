//! `Karafka::Native::Producer`. Crossings: `produce` once a call with all of its messages, the rest once a process or
//! when it was idle.

mod delivery;
mod ending;
mod events;
mod gather;
mod single;
mod transaction;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use karafka_core::error::{Error as CoreError, KafkaError};
use karafka_core::producer::{
    partition_of_key, Cancel, Dispatch, FatalError, Messages, Producer as Core, Progress, ReloadPolicy, Waited,
};
use magnus::rb_sys::FromRawValue;
use magnus::{function, method, prelude::*, Error, RHash, RModule, RString, Ruby, Value};

use crate::{errors, gvl};
use delivery::Delivery;

/// Up to so many messages and bytes are handed over without giving the GVL up first: that would cost more than the
/// work, which never blocks. Measured: see docs/architecture.md.
const FEW_MESSAGES: usize = 8;
const FEW_BYTES: usize = 64 * 1024;

/// Ruby 3.1 hands a signal to the main thread only where some thread runs or sleeps in Ruby. Where a producer's two are
/// all there are, and both wait outside of it, nobody does: so a wait looks itself, so often.
const SIGNALS: Duration = Duration::from_millis(100);

#[magnus::wrap(class = "Karafka::Native::Producer", free_immediately)]
struct Producer {
    core: Core,
    max_payload_size: usize,
}

fn raise<T>(ruby: &Ruby, result: Result<T, CoreError>) -> Result<T, Error> {
    result.map_err(|error| errors::raise(ruby, error))
}

fn policy(ruby: &Ruby, reload: RHash) -> Result<ReloadPolicy, Error> {
    Ok(ReloadPolicy {
        max_attempts: reload.fetch(ruby.to_symbol("attempts"))?,
        backoff: Duration::from_millis(reload.fetch(ruby.to_symbol("backoff_ms"))?),
        except: reload.fetch(ruby.to_symbol("except"))?,
    })
}

/// None: for ever.
fn deadline(timeout_ms: i64) -> Option<Instant> {
    u64::try_from(timeout_ms)
        .ok()
        .and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)))
}

impl Producer {
    /// config: { kafka: {String=>String}, max_payload_size: Integer,
    ///           idle_ms: nil (never gives its connections up) or Integer,
    ///           reload: nil (never) or { attempts: Integer, backoff_ms: Integer, except: [String] } }
    fn new(ruby: &Ruby, config: RHash) -> Result<Self, Error> {
        let kafka: RHash = config.fetch(ruby.to_symbol("kafka"))?;
        let kafka: BTreeMap<String, String> = kafka.to_btree_map()?;
        let max_payload_size = config.fetch(ruby.to_symbol("max_payload_size"))?;
        let reload = match config.lookup(ruby.to_symbol("reload"))? {
            Some(reload) => policy(ruby, reload)?,
            None => ReloadPolicy::never(),
        };
        let core = raise(ruby, Core::with_reload(kafka, reload))?;
        if let Some(idle_ms) = config.lookup(ruby.to_symbol("idle_ms"))? {
            core.set_idle_timeout(Duration::from_millis(idle_ms));
        }
        Ok(Producer { core, max_payload_size })
    }

    /// One Hash or an Array of them. Gives
    /// * a Delivery, where librdkafka has taken everything,
    /// * [:invalid, index, field, reason], where nothing was taken,
    /// * [:refused, delivery, taken, code, message, fatal], where the first `taken` messages were.
    ///
    /// queue_full_timeout_ms: -1 waits for ever. tag: reports become events under this number, 0: they don't.
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
        let few = gathered.messages.len() <= FEW_MESSAGES && gathered.messages.bytesize() <= FEW_BYTES;
        let mut dispatch = raise(ruby, rb_self.core.dispatch(gathered.messages, tag))?;
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

    /// One Hash, the short way: a handle of the class given to `Native.single_handles=`. nil: call `produce`.
    fn produce_one(ruby: &Ruby, rb_self: &Self, message: Value) -> Value {
        let handle = single::produce(&rb_self.core, message, rb_self.max_payload_size);
        // SAFETY: a new object, on the stack all along.
        handle.map_or_else(|| ruby.qnil().as_value(), |handle| unsafe { Value::from_raw(handle) })
    }

    /// Until message `index` (nil: every message) is reported. timeout_ms -1: for ever. false: timed out.
    fn wait(
        ruby: &Ruby,
        rb_self: &Self,
        delivery: &Delivery,
        index: Option<usize>,
        timeout_ms: i64,
    ) -> Result<bool, Error> {
        let set = &delivery.set;
        let deadline = deadline(timeout_ms);
        loop {
            let cancel = Cancel::within(SIGNALS);
            let wake = || {
                cancel.set();
                set.wake();
            };
            match gvl::without_gvl(|| rb_self.core.wait(set, index, deadline, &cancel), wake) {
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
    fn event_source(ruby: &Ruby, rb_self: &Self) -> Result<events::Source, Error> {
        raise(ruby, rb_self.core.events()).map(events::Source::new)
    }

    /// Whether nothing is under way. Then the next message goes the long way, and somebody says `awake` after it.
    fn rest(&self) -> bool {
        self.core.rest()
    }

    /// Whether it was at rest. Under the GVL as `rest` is, after a message was taken: so none is missed.
    fn awake(&self) -> bool {
        self.core.awake()
    }

    /// For tests: :out_of_order or :fenced.
    fn inject_fatal_error(ruby: &Ruby, rb_self: &Self, kind: magnus::Symbol, reason: String) -> Result<(), Error> {
        let kind = if kind.name()? == "fenced" {
            FatalError::Fenced
        } else {
            FatalError::OutOfOrder
        };
        raise(ruby, rb_self.core.inject_fatal_error(kind, &reason))
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
    let class = native.define_class("Producer", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_singleton_method("new", function!(Producer::new, 1))?;
    class.define_singleton_method("check", function!(Producer::check, 2))?;
    class.define_singleton_method("partition_of_key", function!(Producer::partition_of_key, 3))?;
    class.define_method("produce", method!(Producer::produce, 3))?;
    class.define_method("produce_one", method!(Producer::produce_one, 1))?;
    class.define_method("serial", method!(Producer::serial, 0))?;
    class.define_method("wait", method!(Producer::wait, 3))?;
    class.define_method("queue_size", method!(Producer::queue_size, 0))?;
    class.define_method("partition_count", method!(Producer::partition_count, 2))?;
    class.define_method("event_source", method!(Producer::event_source, 0))?;
    class.define_method("rest", method!(Producer::rest, 0))?;
    class.define_method("awake", method!(Producer::awake, 0))?;
    class.define_method("inject_fatal_error", method!(Producer::inject_fatal_error, 2))?;
    single::define(native)?;
    events::define(ruby, native)?;
    ending::define(class)?;
    transaction::define(class)?;
    delivery::define(ruby, native)
}
