//! `Karafka::Native::ProducerReports`: the reports of one turn, some at a time. What is needed of messages that were delivered comes
//! in one Array for several of them. Holds no Ruby object.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use karafka_core::produce::{DeliverySet, Report};
use magnus::{method, prelude::*, DataTypeFunctions, Error, IntoValue, RArray, RModule, Ruby, TypedData};

use super::delivery::Delivery;
use crate::helpers::class;

type Row = (Arc<DeliverySet>, u32);

struct State {
    /// What `rows` gave last.
    page: Vec<Row>,
    /// How many of them `next` gave. The subscribers are about to hear of the last of these, and have heard of those before it.
    begun: usize,
    left: VecDeque<Row>,
}

impl State {
    /// The subscribers have heard of the one that was begun last.
    fn announce_last(&self) {
        if let Some((set, index)) = self.begun.checked_sub(1).and_then(|at| self.page.get(at)) {
            set.announced(*index as usize);
        }
    }

    /// Those messages begin the page that were not begun. Where the first was delivered, others follow that were delivered to the
    /// same topic.
    fn turn_page(&mut self, limit: usize) -> Vec<Report> {
        self.announce_last();
        let rest = std::mem::take(&mut self.page).into_iter().skip(self.begun).rev();
        rest.for_each(|row| self.left.push_front(row));
        self.begun = 0;
        let mut reports = Vec::new();
        while let Some(row) = self.left.front() {
            let report = delivered(row).filter(|_| self.page.first().is_none_or(|first| of_one_topic(first, row)));
            if report.is_none() && !self.page.is_empty() || self.page.len() == limit {
                break;
            }
            self.page.extend(self.left.pop_front());
            match report {
                Some(report) => reports.push(report),
                None => break,
            }
        }
        reports
    }
}

#[derive(TypedData)]
#[magnus(class = "Karafka::Native::ProducerReports", free_immediately, size)]
pub struct ProducerReports(RefCell<State>);

impl DataTypeFunctions for ProducerReports {
    fn size(&self) -> usize {
        let rows = |state: std::cell::Ref<State>| state.left.capacity() + state.page.capacity();
        self.0.try_borrow().map_or(0, rows) * std::mem::size_of::<Row>()
    }
}

/// Where it was stored; None: it was not.
fn delivered((set, index): &Row) -> Option<Report> {
    set.report(*index as usize).filter(|report| report.error.is_none())
}

fn of_one_topic((set, index): &Row, (other, at): &Row) -> bool {
    set.shares_topic(*index as usize, other, *at as usize)
}

impl ProducerReports {
    pub fn new(reports: Vec<Row>) -> Self {
        ProducerReports(RefCell::new(State {
            page: Vec::new(),
            begun: 0,
            left: reports.into(),
        }))
    }

    /// The next messages, at most `limit`, that were delivered to one topic: its name, then the partition, the offset, the
    /// latency in microseconds and the tag of each. The topic alone: the next one was not delivered. nil: there are no more, and
    /// the subscribers have heard of the last one.
    fn rows(ruby: &Ruby, rb_self: &Self, limit: usize) -> Result<Option<RArray>, Error> {
        let mut state = rb_self.0.borrow_mut();
        let reports = state.turn_page(limit);
        let Some((set, index)) = state.page.first() else {
            return Ok(None);
        };
        let topic = ruby.str_new(set.topic(*index as usize).unwrap_or_default());
        topic.freeze();
        let rows = ruby.ary_new_capa(1 + 4 * reports.len());
        rows.push(topic)?;
        for (report, (set, _)) in reports.iter().zip(&state.page) {
            rows.cat(&[
                report.partition.into_value_with(ruby),
                report.offset.into_value_with(ruby),
                report.latency_us.into_value_with(ruby),
                set.tag().into_value_with(ruby),
            ])?;
        }
        Ok(Some(rows))
    }

    /// The place of the next one among those that `rows` gave; the subscribers have heard of the one before. nil: they have heard
    /// of all.
    fn next(&self) -> Option<usize> {
        let mut state = self.0.borrow_mut();
        state.announce_last();
        let at = state.begun;
        if at == state.page.len() {
            state.page.clear();
            state.begun = 0;
            return None;
        }
        state.begun += 1;
        Some(at)
    }

    /// Of the one at this place.
    fn delivery(&self, at: usize) -> Option<Delivery> {
        let state = self.0.borrow();
        state.page.get(at).map(|(set, _)| Delivery::new(set, false))
    }

    /// Where in its delivery the one at this place is.
    fn index(&self, at: usize) -> Option<u32> {
        self.0.borrow().page.get(at).map(|(_, index)| *index)
    }

    /// The subscribers have heard of the last one.
    fn is_done(&self) -> bool {
        let state = self.0.borrow();
        state.page.is_empty() && state.left.is_empty()
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<ProducerReports>(ruby, native, "ProducerReports")?;
    class.define_method("rows", method!(ProducerReports::rows, 1))?;
    class.define_method("next", method!(ProducerReports::next, 0))?;
    class.define_method("done?", method!(ProducerReports::is_done, 0))?;
    class.define_method("delivery", method!(ProducerReports::delivery, 1))?;
    class.define_method("index", method!(ProducerReports::index, 1))
}
