//! `Karafka::Native::ProducerReports`: the reports of one turn, one by one. What is needed of a message that was delivered comes
//! in an Array that is used again. Holds no Ruby object.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use karafka_core::produce::DeliverySet;
use magnus::{method, prelude::*, DataTypeFunctions, Error, RArray, RModule, Ruby, TypedData};

use super::delivery::Delivery;

type Row = (Arc<DeliverySet>, u32);

struct State {
    /// The subscribers are about to hear of it.
    current: Option<Row>,
    left: VecDeque<Row>,
}

#[derive(TypedData)]
#[magnus(class = "Karafka::Native::ProducerReports", free_immediately, size)]
pub struct ProducerReports(RefCell<State>);

impl DataTypeFunctions for ProducerReports {
    fn size(&self) -> usize {
        let left = self.0.try_borrow().map_or(0, |state| state.left.capacity());
        left * std::mem::size_of::<Row>()
    }
}

impl ProducerReports {
    pub fn new(reports: Vec<Row>) -> Self {
        ProducerReports(RefCell::new(State {
            current: None,
            left: reports.into(),
        }))
    }

    /// The subscribers have heard of the one before. Fills the row with [topic, partition, offset, latency_us, tag, whether it
    /// was delivered]. false: there are no more.
    fn next(ruby: &Ruby, rb_self: &Self, row: RArray) -> Result<bool, Error> {
        let mut state = rb_self.0.borrow_mut();
        let next = state.left.pop_front();
        let before = std::mem::replace(&mut state.current, next);
        if let Some((set, index)) = &before {
            set.announced(*index as usize);
        }
        let Some((set, index)) = &state.current else {
            return Ok(false);
        };
        let index = *index as usize;
        let same = |(other, at): &Row| set.shares_topic(index, other, *at as usize);
        if row.is_empty() || !before.as_ref().is_some_and(same) {
            let topic = ruby.str_new(set.topic(index).unwrap_or_default());
            topic.freeze();
            row.store(0, topic)?;
        }
        let report = set.report(index);
        let place = report
            .as_ref()
            .map(|report| (report.partition, report.offset, report.latency_us));
        let (partition, offset, latency_us) = place.unwrap_or((-1, -1, 0));
        row.store(1, partition)?;
        row.store(2, offset)?;
        row.store(3, latency_us)?;
        row.store(4, set.tag())?;
        row.store(5, report.is_some_and(|report| report.error.is_none()))?;
        Ok(true)
    }

    /// Where there are no more, and the subscribers have heard of the last one.
    fn is_done(&self) -> bool {
        let state = self.0.borrow();
        state.current.is_none() && state.left.is_empty()
    }

    /// Of the current one.
    fn delivery(&self) -> Option<Delivery> {
        self.0
            .borrow()
            .current
            .as_ref()
            .map(|(set, _)| Delivery::new(set, false))
    }

    fn index(&self) -> Option<u32> {
        self.0.borrow().current.as_ref().map(|(_, index)| *index)
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = native.define_class("ProducerReports", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("next", method!(ProducerReports::next, 1))?;
    class.define_method("done?", method!(ProducerReports::is_done, 0))?;
    class.define_method("delivery", method!(ProducerReports::delivery, 0))?;
    class.define_method("index", method!(ProducerReports::index, 0))
}
