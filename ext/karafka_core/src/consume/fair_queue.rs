//! Whose turn it is, when more is ready than there are workers. Items of one weight go round in order; a weight of 20 gets
//! two turns where one of 10 gets one: stride scheduling. None starves: each turn makes the next one of its weight later.

use std::collections::VecDeque;

/// Divided by a weight: how far a turn moves its class on.
const STRIDE: u64 = 1 << 32;

pub struct FairQueue<T> {
    classes: Vec<Class<T>>,
    /// Where the last turn was. A weight that was away begins here, and does not catch up on turns that it did not want.
    now: u64,
    len: usize,
}

struct Class<T> {
    weight: u32,
    next: u64,
    queue: VecDeque<T>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        FairQueue {
            classes: Vec::new(),
            now: 0,
            len: 0,
        }
    }
}

impl<T> FairQueue<T> {
    /// At the end of the items of its weight, which is at least 1.
    pub fn push(&mut self, weight: u32, item: T) {
        let now = self.now;
        let class = match self.classes.iter_mut().position(|class| class.weight == weight) {
            Some(index) => &mut self.classes[index],
            None => {
                self.classes.push(Class {
                    weight,
                    next: now,
                    queue: VecDeque::new(),
                });
                let last = self.classes.len() - 1;
                &mut self.classes[last]
            }
        };
        if class.queue.is_empty() {
            class.next = class.next.max(now);
        }
        class.queue.push_back(item);
        self.len += 1;
    }

    pub fn pop(&mut self) -> Option<T> {
        let waiting = self.classes.iter_mut().filter(|class| !class.queue.is_empty());
        let class = waiting.min_by_key(|class| (class.next, u32::MAX - class.weight))?;
        self.now = class.next;
        class.next += STRIDE / u64::from(class.weight.max(1));
        self.len -= 1;
        class.queue.pop_front()
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Everything that was taken is ready again at once, as under full load.
    fn shares(ready: &[(u32, &'static str)], turns: usize) -> HashMap<&'static str, usize> {
        let mut queue = FairQueue::default();
        ready
            .iter()
            .for_each(|(weight, name)| queue.push(*weight, (*weight, *name)));
        let mut counts = HashMap::new();
        for _ in 0..turns {
            let (weight, name) = queue.pop().expect("never empty");
            *counts.entry(name).or_default() += 1;
            queue.push(weight, (weight, name));
        }
        counts
    }

    #[test]
    fn equals_go_round_in_order() {
        let mut queue = FairQueue::default();
        (0..3).for_each(|number| queue.push(10, number));
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [0, 1, 2]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_weight_gets_its_share_and_the_least_one_does_not_starve() {
        let counts = shares(&[(100, "high"), (10, "usual"), (1, "low")], 11_100);
        assert!((9_990..=10_010).contains(&counts["high"]), "{counts:?}");
        assert!((990..=1_010).contains(&counts["usual"]), "{counts:?}");
        assert!((95..=105).contains(&counts["low"]), "{counts:?}");
    }

    #[test]
    fn who_was_away_does_not_catch_up() {
        let mut queue = FairQueue::default();
        queue.push(1, "low");
        for _ in 0..1_000 {
            let item = queue.pop().expect("there is one");
            queue.push(1, item);
        }
        queue.push(2, "late");
        let mut late = 0;
        for _ in 0..30 {
            let item = queue.pop().expect("there are two");
            late += usize::from(item == "late");
            queue.push(if item == "late" { 2 } else { 1 }, item);
        }
        assert!((19..=21).contains(&late), "{late}");
    }
}
