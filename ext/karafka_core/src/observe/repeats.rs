//! Something that is the matter again and again is logged at once, then after 10 seconds, 20, and so on up to 5 minutes.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(super) struct Repeats {
    next: Option<(Instant, Duration)>,
}

impl Repeats {
    /// Whether it is to be said now.
    pub fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let wait = match self.next {
            Some((at, _)) if now < at => return false,
            Some((_, wait)) => (wait * 2).min(LONGEST),
            None => FIRST,
        };
        self.next = Some((now + wait, wait));
        true
    }

    /// It is over: should it come again, it is logged at once.
    pub fn over(&mut self) {
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_logged_once_and_again_after_it_was_over() {
        let mut repeats = Repeats::default();
        assert_eq!([repeats.is_due(), repeats.is_due()], [true, false]);
        repeats.over();
        assert!(repeats.is_due());
    }
}
