//! `Karafka::Native::Delivery`: what became of the messages of one produce call. Holds no Ruby object.

use std::sync::Arc;

use karafka_core::produce::DeliverySet;
use magnus::{method, prelude::*, DataTypeFunctions, Error, RArray, RModule, Ruby, TypedData};

use crate::helpers::class;

#[derive(TypedData)]
#[magnus(class = "Karafka::Native::Delivery", free_immediately, size)]
pub struct Delivery {
    pub set: Arc<DeliverySet>,
    labelled: bool,
}

impl DataTypeFunctions for Delivery {
    fn size(&self) -> usize {
        std::mem::size_of::<DeliverySet>() + self.set.len() * 32
    }
}

impl Delivery {
    pub fn new(set: &Arc<DeliverySet>, labelled: bool) -> Self {
        Delivery {
            set: Arc::clone(set),
            labelled,
        }
    }

    fn size(&self) -> usize {
        self.set.len()
    }

    fn is_done(&self) -> bool {
        self.set.is_done()
    }

    fn is_labelled(&self) -> bool {
        self.labelled
    }

    fn tag(&self) -> u64 {
        self.set.tag()
    }

    /// From now on reports become events under this number. One that came before does not: look at `report`.
    fn watch(&self, tag: u64) {
        self.set.set_tag(tag);
    }

    fn topic(&self, index: usize) -> Option<&str> {
        self.set.topic(index)
    }

    fn first_failure(&self) -> Option<usize> {
        self.set.first_failure()
    }

    fn more_failures(&self, first: usize) -> Vec<usize> {
        self.set.more_failures(first)
    }

    /// nil: no report yet; else [partition, offset, latency_us, code or nil, message, fatal, retryable,
    /// code and text of what kept the client from its brokers meanwhile]; the last two only where that is known.
    fn report(ruby: &Ruby, rb_self: &Self, index: usize) -> Result<Option<RArray>, Error> {
        let Some(report) = rb_self.set.report(index) else {
            return Ok(None);
        };
        let list = ruby.ary_new_capa(9);
        list.push(report.partition)?;
        list.push(report.offset)?;
        list.push(report.latency_us)?;
        if let Some(error) = report.error {
            list.push(ruby.to_symbol(&error.code))?;
            list.push(error.message)?;
            list.push(error.fatal)?;
            list.push(error.retryable)?;
            if let Some(cause) = report.cause {
                list.push(ruby.to_symbol(&cause.code))?;
                list.push(cause.text.as_str())?;
            }
        }
        Ok(Some(list))
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<Delivery>(ruby, native, "Delivery")?;
    class.define_method("size", method!(Delivery::size, 0))?;
    class.define_method("done?", method!(Delivery::is_done, 0))?;
    class.define_method("labelled?", method!(Delivery::is_labelled, 0))?;
    class.define_method("tag", method!(Delivery::tag, 0))?;
    class.define_method("watch", method!(Delivery::watch, 1))?;
    class.define_method("topic", method!(Delivery::topic, 1))?;
    class.define_method("first_failure", method!(Delivery::first_failure, 0))?;
    class.define_method("more_failures", method!(Delivery::more_failures, 1))?;
    class.define_method("report", method!(Delivery::report, 1))?;
    Ok(())
}
