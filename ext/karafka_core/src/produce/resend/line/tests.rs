use super::*;
use crate::produce::client::TopicHandle;
use crate::produce::resend::Tried;

fn message(traits: Traits, group: Option<u64>) -> Kept {
    Kept {
        topic: TopicHandle::none(),
        partition: 0,
        payload: None,
        key: None,
        headers: std::ptr::null_mut(),
        opaque: std::ptr::null_mut(),
        traits,
        tried: Tried::default(),
        group,
    }
}

fn traits(size: usize) -> Traits {
    Traits {
        size,
        slack: 0,
        has_key: true,
        timestamp_ms: 0,
    }
}

fn keyless(size: usize) -> Traits {
    Traits {
        has_key: false,
        ..traits(size)
    }
}

fn at(timestamp_ms: i64) -> Traits {
    Traits {
        timestamp_ms,
        ..traits(10)
    }
}

fn line(messages: impl IntoIterator<Item = Traits>, group: Option<u64>) -> Line {
    Line {
        waiting: messages.into_iter().map(|traits| message(traits, group)).collect(),
        clear: true,
        ..Line::default()
    }
}

fn send(line: &mut Line, grows: bool) -> Vec<Traits> {
    let count = line.ready(grows);
    (0..count).for_each(|_| line.sent(Instant::now()));
    if count > 0 {
        assert_eq!(line.ready(grows), 0, "nothing is sent beside a step");
    }
    line.waiting.drain(..count).map(|kept| kept.traits).collect()
}

fn answer(line: &mut Line, batch: &[Traits], lesson: Lesson) {
    batch.iter().for_each(|message| line.answered(*message, lesson));
    line.batch_answered();
}

fn size_of(batch: &[Traits]) -> usize {
    batch.iter().map(|message| message.size).sum()
}

/// One step against a topic that takes `limit` bytes. Gives how many were sent, and whether they were taken.
fn step(line: &mut Line, limit: usize, grows: bool) -> (usize, bool) {
    let sent = send(line, grows);
    let taken = size_of(&sent) <= limit;
    answer(line, &sent, if taken { Lesson::Taken } else { Lesson::Refused });
    if !taken && sent.len() > 1 {
        sent.iter()
            .rev()
            .for_each(|traits| line.waiting.push_front(message(*traits, None)));
    }
    (sent.len(), taken)
}

fn steps(line: &mut Line, limit: usize, grows: bool) -> Vec<(usize, bool)> {
    std::iter::from_fn(|| (!line.waiting.is_empty()).then(|| step(line, limit, grows))).collect()
}

fn counts(line: &mut Line, limit: usize) -> Vec<usize> {
    steps(line, limit, true).into_iter().map(|(count, _)| count).collect()
}

/// The seed, and numbers below what is asked for.
fn random_numbers() -> (u64, impl FnMut(usize) -> usize) {
    let seed = std::env::var("SEED").map_or_else(|_| u64::from(std::process::id()), |seed| seed.parse().unwrap());
    let mut state = seed | 1;
    let next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    (seed, next)
}

#[test]
fn a_message_alone_goes_first_as_others_may_be_under_way() {
    let mut line = line([traits(10); 5], Some(1));
    line.clear = false;
    assert_eq!(line.ready(true), 1);
    assert_eq!(step(&mut line, 100, true), (1, true));
    assert_eq!(line.ready(true), 4);
}

#[test]
fn those_of_a_batch_that_the_broker_has_not_named_go_together() {
    let mut line = line([traits(10); 5], Some(1));
    line.waiting
        .extend([message(traits(10), Some(2)), message(traits(10), None)]);
    assert_eq!(line.ready(true), 5);
    line.waiting.drain(..5);
    assert_eq!(line.ready(true), 1);
}

#[test]
fn steps_grow_by_one_message_up_to_what_the_topic_takes() {
    let mut line = line([traits(10); 40], None);
    let steps = steps(&mut line, 45, true);
    assert_eq!(steps[..5], [(1, true), (2, true), (3, true), (4, true), (5, false)]);
    assert!(
        steps.iter().skip(5).all(|(count, taken)| *taken && *count <= 4),
        "{steps:?}"
    );
    assert_eq!(steps.len(), 5 + 8, "30 of them in fours");
}

#[test]
fn with_compression_each_step_is_one_message() {
    let sizes = [40, 10, 10, 10, 10].map(traits);
    assert_eq!(steps(&mut line(sizes, None), 45, false), [(1, true); 5]);
}

#[test]
fn a_message_that_no_broker_has_seen_teaches_nothing() {
    let mut line = line([traits(100)].into_iter().chain([keyless(10); 5]), None);
    let sent = send(&mut line, true);
    answer(&mut line, &sent, Lesson::Nothing);
    assert_eq!(line.ready(true), 1);
    // Nor where others of its batch were taken.
    let sent = send(&mut line, true);
    line.answered(traits(100), Lesson::Nothing);
    answer(&mut line, &sent, Lesson::Taken);
    assert_eq!(line.ready(true), 1);
}

#[test]
fn close_to_the_limit_messages_count_as_large_as_they_may_be() {
    let unsure = Traits { slack: 3, ..traits(10) };
    let mut line = line([unsure; 40], None);
    assert_eq!(counts(&mut line, 45)[..7], [1, 2, 3, 4, 5, 3, 3]);
}

#[test]
fn messages_without_a_key_go_alone_until_the_topic_has_taken_one() {
    let mut line = line([traits(10), traits(10)].into_iter().chain([keyless(10); 6]), None);
    assert_eq!(counts(&mut line, 25), [1, 1, 1, 2, 3, 2, 1]);
}

#[test]
fn timestamps_go_alone_that_are_farther_from_now_than_those_that_were_taken() {
    let now = *close_timestamps().start();
    let times = [1_000, 1_000, 5_000, now, 900, 950, now];
    let mut line = line([traits(100)].into_iter().chain(times.map(at)), None);
    assert_eq!(counts(&mut line, 100), [1, 1, 3, 1, 2]);
}

/// The next step may be cut in another place.
#[test]
fn a_step_that_was_cut_in_two_shows_no_more_than_its_larger_part() {
    let mut line = line([traits(10); 12], None);
    assert_eq!(step(&mut line, 100, true), (1, true));
    assert_eq!(step(&mut line, 100, true), (2, true));
    let cut = send(&mut line, true);
    assert_eq!(cut.len(), 3);
    answer(&mut line, &cut[..2], Lesson::Taken);
    answer(&mut line, &cut[2..], Lesson::Taken);
    assert_eq!(line.ready(true), 3);
}

/// librdkafka may cut a step in two: what is refused in the first part must not come behind the second.
#[test]
fn nothing_is_taken_before_an_earlier_message_that_is_not_at_fault() {
    let (seed, mut random) = random_numbers();
    let now = *close_timestamps().start() + 60_000;
    for round in 0..500 {
        let (limit, compacted) = (60 + random(80), random(2) == 0);
        let bounds = [i64::MIN..=i64::MAX, now - 90_000..=now + 90_000][random(2)].clone();
        let at_fault = |message: &Traits| {
            message.size > limit || compacted && !message.has_key || !bounds.contains(&message.timestamp_ms)
        };
        let messages: Vec<Traits> = (0..40)
            .map(|_| Traits {
                size: 1 + random(70),
                slack: 0,
                has_key: random(3) > 0,
                timestamp_ms: now + [0, 0, 0, -100_000, 100_000, -200_000][random(6)],
            })
            .collect();
        let mut line = line(messages, None);
        let mut steps = 0;
        while !line.waiting.is_empty() {
            steps += 1;
            assert!(steps < 200, "seed {seed}, round {round}: it does not end");
            let sent = send(&mut line, random(4) > 0);
            let mut again: Vec<Traits> = Vec::new();
            let (first, second) = sent.split_at(random(sent.len() + 1));
            for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
                let too_large = size_of(part) > limit;
                let refused = too_large || part.iter().any(at_fault);
                assert!(
                    refused || again.is_empty(),
                    "seed {seed}, round {round}: {part:?} before {again:?}, limit {limit}, taken {}",
                    line.taken
                );
                answer(&mut line, part, if refused { Lesson::Refused } else { Lesson::Taken });
                if refused && part.len() > 1 {
                    again.extend(part.iter().filter(|message| too_large || !at_fault(message)));
                }
            }
            again
                .iter()
                .rev()
                .for_each(|traits| line.waiting.push_front(message(*traits, None)));
        }
    }
}
