//! `Karafka::Native::ProducerReports`: the reports of one turn, one by one. What is needed of a message that was delivered comes
//! in an Array. Holds no Ruby object.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use karafka_core::produce::DeliverySet;
use magnus::{method, prelude::*, DataTypeFunctions, Error, IntoValue, RArray, RModule, Ruby, TypedData, Value};

use super::delivery::Delivery;
use crate::helpers::class;

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

    /// The subscribers have heard of the one before, which had this row. [topic, partition, offset, latency_us, tag, whether it
    /// was delivered]; nil: there are no more.
    fn next(ruby: &Ruby, rb_self: &Self, row_before: Option<RArray>) -> Result<Option<RArray>, Error> {
        let mut state = rb_self.0.borrow_mut();
        let next = state.left.pop_front();
        let before = std::mem::replace(&mut state.current, next);
        if let Some((set, index)) = &before {
            set.announced(*index as usize);
        }
        let Some((set, index)) = &state.current else {
            return Ok(None);
        };
        let index = *index as usize;
        let same = |(other, at): &Row| set.shares_topic(index, other, *at as usize);
        let topic: Value = match row_before {
            Some(row) if before.as_ref().is_some_and(same) => row.entry(0)?,
            _ => {
                let topic = ruby.str_new(set.topic(index).unwrap_or_default());
                topic.freeze();
                topic.as_value()
            }
        };
        let report = set.report(index);
        let delivered = report.as_ref().is_some_and(|report| report.error.is_none());
        let place = report.map(|report| (report.partition, report.offset, report.latency_us));
        let (partition, offset, latency_us) = place.unwrap_or((-1, -1, 0));
        Ok(Some(ruby.ary_new_from_values(&[
            topic,
            partition.into_value_with(ruby),
            offset.into_value_with(ruby),
            latency_us.into_value_with(ruby),
            set.tag().into_value_with(ruby),
            delivered.into_value_with(ruby),
        ])))
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
    let class = class::define::<ProducerReports>(ruby, native, "ProducerReports")?;
    class.define_method("next", method!(ProducerReports::next, 1))?;
    class.define_method("done?", method!(ProducerReports::is_done, 0))?;
    class.define_method("delivery", method!(ProducerReports::delivery, 0))?;
    class.define_method("index", method!(ProducerReports::index, 0))
}
