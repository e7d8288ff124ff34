//! Reading ranges of partitions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use karafka_core::admin::{Place, Read, Reader, ReaderConfig};

use super::common::*;

fn reader(kafka: &Kafka, places: &[(&str, i32, i64, Option<i64>)]) -> Reader {
    limited(kafka, places, None)
}

fn limited(kafka: &Kafka, places: &[(&str, i32, i64, Option<i64>)], limit_ms: Option<u64>) -> Reader {
    let place = |(topic, partition, from, to): &(&str, i32, i64, Option<i64>)| Place {
        topic: (*topic).to_owned(),
        partition: *partition,
        from: *from,
        to: *to,
    };
    Reader::new(ReaderConfig {
        kafka: BTreeMap::from([("bootstrap.servers".to_owned(), kafka.brokers.clone())]),
        places: places.iter().map(place).collect(),
        max_messages: 3,
        only: None,
        limit_ms,
    })
    .unwrap()
}

/// Offsets by partition, in the order in which they came.
fn read_all(reader: &Reader) -> BTreeMap<i32, Vec<i64>> {
    let mut found: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    let deadline = Instant::now() + LONG;
    loop {
        assert!(Instant::now() < deadline, "read so far: {found:?}");
        match reader.next(Duration::from_millis(100)).unwrap() {
            Read::Batch(batch) => {
                let offsets = (0..batch.messages.len()).filter_map(|index| batch.messages.offset(index));
                found.entry(batch.partition).or_default().extend(offsets);
            }
            Read::Nothing => {}
            Read::Done => return found,
        }
    }
}

#[test]
fn a_reader_reads_its_ranges_and_nothing_else() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(3);
    kafka.fill(&topic, 3, 0..30);
    // Up to the end, a part, nothing at all.
    let reader = reader(
        &kafka,
        &[
            (&topic, 0, 0, Some(10)),
            (&topic, 1, 4, Some(7)),
            (&topic, 2, 5, Some(5)),
        ],
    );
    let found = read_all(&reader);
    assert_eq!(found, BTreeMap::from([(0, (0..10).collect()), (1, vec![4, 5, 6])]));
    assert!(matches!(reader.next(Duration::ZERO).unwrap(), Read::Done));
}

#[test]
fn a_reader_without_an_end_waits_until_it_is_cancelled() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..2);
    let reader = std::sync::Arc::new(reader(&kafka, &[(&topic, 0, 0, None)]));
    let reading = std::sync::Arc::clone(&reader);
    let waiting = std::thread::spawn(move || read_all(&reading));
    std::thread::spawn(move || {
        kafka.fill(&topic, 1, 2..4);
        kafka
    })
    .join()
    .unwrap();
    reader.cancel();
    let found = waiting.join().unwrap();
    assert!(found.values().flatten().count() <= 4, "{found:?}");
}

#[test]
fn a_reader_that_gets_nothing_of_its_range_says_why() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..2);
    let reader = limited(&kafka, &[(&topic, 0, 0, Some(9))], Some(700));
    let deadline = Instant::now() + LONG;
    let mut read = 0;
    let error = loop {
        assert!(Instant::now() < deadline);
        match reader.next(Duration::from_millis(50)) {
            Ok(Read::Batch(batch)) => {
                read += batch.messages.len();
                kafka.mock.as_ref().unwrap().broker_down(1).unwrap();
            }
            Ok(Read::Nothing) => {}
            Ok(Read::Done) => panic!("its range has more"),
            Err(error) => break error.to_string(),
        }
    };
    assert_eq!(read, 2);
    assert!(error.contains("nothing came within 700 ms"), "{error}");
}
