//! How many messages a second come and go, over the last half minute.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::consume::engine::Look;
use crate::metrics::registry;

pub(super) const INTERVAL: Duration = Duration::from_secs(5);
const MOST: usize = 7;
/// Less says nothing.
const LEAST: Duration = Duration::from_secs(1);

type TopicKey = (String, Arc<str>);

struct Sample {
    at: Instant,
    ends: HashMap<TopicKey, HashMap<i32, i64>>,
    consumed: HashMap<TopicKey, u64>,
}

#[derive(Default)]
pub(super) struct Rates(VecDeque<Sample>);

impl Rates {
    pub fn sample(&mut self, look: &Look) {
        if self.0.back().is_some_and(|last| last.at.elapsed() < LEAST) {
            return;
        }
        let mut ends: HashMap<TopicKey, HashMap<i32, i64>> = HashMap::new();
        for group in &look.groups {
            for one in group.partitions.iter().filter(|one| one.end >= 0) {
                let key = (group.group.clone(), one.topic.clone());
                ends.entry(key).or_default().insert(one.partition, one.end);
            }
        }
        let consumed = registry()
            .topics()
            .iter()
            .map(|one| ((one.group.to_string(), one.topic.clone()), one.consumed_messages.get()))
            .collect();
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(Sample {
            at: Instant::now(),
            ends,
            consumed,
        });
    }

    /// Messages a second that came, and that were consumed. None: not known yet.
    pub fn of(&self, group: &str, topic: &Arc<str>) -> (Option<f64>, Option<f64>) {
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else {
            return (None, None);
        };
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        if seconds < LEAST.as_secs_f64() {
            return (None, None);
        }
        let key = (group.to_owned(), topic.clone());
        let came = first.ends.get(&key).zip(last.ends.get(&key)).map(|(before, after)| {
            let grown = after
                .iter()
                .filter_map(|(partition, end)| Some((end - before.get(partition)?).max(0)));
            grown.sum::<i64>() as f64 / seconds
        });
        let consumed = first.consumed.get(&key).zip(last.consumed.get(&key));
        let went = consumed.map(|(before, after)| (after - before) as f64 / seconds);
        (came, went)
    }
}
