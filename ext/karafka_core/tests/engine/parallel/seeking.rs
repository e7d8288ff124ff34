//! A seek or a pause of one lane skips nothing that another one has not finished.

use std::time::Duration;

use karafka_core::config::Spread;
use karafka_core::lease::Lease;
use karafka_core::partition::Position;

use super::{fill_keyed, parallel};
use crate::common::*;
use crate::on_both;

on_both! {
    fn a_seek_waits_for_what_is_out(kafka) {
        let topic = kafka.topic(1);
        fill_keyed(kafka, &topic, 1, 50, 0..50);
        let group = kafka.group(vec![parallel(&topic, Spread::None, 5, 1)]);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        let leases: Vec<Lease> = (0..5).map(|_| harness.take()).collect();
        assert!(leases[0].seek(Position::Offset(40), true));
        leases[0].ack();
        assert!(harness.take_within(Duration::from_millis(300)).is_none(), "others are out");
        leases[1..].iter().for_each(|lease| { lease.ack(); });
        let next = harness.take();
        assert_eq!(next.messages().first_offset(), Some(40));
        assert!(kafka.committed(&id, &topic, 0).is_none_or(|offset| offset <= 40));
        next.ack();
        let log = harness.with_workers(3, ack);
        wait_until("the rest", || kafka.committed(&id, &topic, 0) == Some(50));
        assert!(log.log.offsets(0).iter().skip(5).all(|offset| *offset >= 40));
        log.stop();
    }

    fn a_seek_of_one_lane_skips_nothing_that_another_one_has_not_finished(kafka) {
        let topic = kafka.topic(1);
        fill_keyed(kafka, &topic, 1, 50, 0..6);
        let group = kafka.group(vec![parallel(&topic, Spread::None, 4, 1)]);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        let leases: Vec<Lease> = (0..4).map(|_| harness.take()).collect();
        assert_eq!(leases.iter().flat_map(offsets).collect::<Vec<_>>(), [0, 1, 2, 3]);
        // The third one wants its message again; so does the last one, which is behind it.
        for (lease, offset) in [(&leases[3], 3), (&leases[2], 2)] {
            assert!(lease.seek(Position::Offset(offset), true));
            assert_eq!(lease.seek_offset(), offset);
            lease.ack();
        }
        leases[1].release();
        assert!(leases[1].commit_sync().unwrap());
        assert!(kafka.committed(&id, &topic, 0).is_none(), "nothing is finished");
        leases[0].nack();
        let mut again: Vec<Lease> = Vec::new();
        while again.len() < 5 {
            again.push(harness.take());
            again.last().unwrap().ack();
        }
        let mut seen: Vec<i64> = again.iter().flat_map(offsets).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 2, 3, 4, 5]);
        assert!(leases[1].commit_sync().unwrap());
        assert_eq!(kafka.committed(&id, &topic, 0), Some(1), "the consumer holds the second message");
        assert!(leases[1].mark(1) && leases[1].commit_sync().unwrap());
        assert_eq!(kafka.committed(&id, &topic, 0), Some(6));
        drop(harness.with_workers(2, |lease| { lease.release(); }).stop());
    }

    fn a_seek_back_behind_what_is_committed_counts_from_there(kafka) {
        let topic = kafka.topic(1);
        fill_keyed(kafka, &topic, 1, 50, 0..6);
        let group = kafka.group(vec![parallel(&topic, Spread::None, 2, 3)]);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        let [first, second] = [harness.take(), harness.take()];
        first.ack();
        assert!(second.commit_sync().unwrap());
        let done = offsets(&first).len() as i64;
        assert_eq!(kafka.committed(&id, &topic, 0), Some(done));
        assert!(second.seek(Position::Earliest, true));
        second.ack();
        let again = harness.take();
        assert_eq!(again.messages().first_offset(), Some(0));
        assert!(again.commit_sync().unwrap());
        assert_eq!(kafka.committed(&id, &topic, 0), Some(done), "nothing is marked since");
        again.ack();
        let harness = harness.with_workers(2, ack);
        wait_until("the rest", || kafka.committed(&id, &topic, 0) == Some(6));
        harness.stop();
    }
}

#[test]
fn a_pause_of_one_lane_skips_nothing_that_another_one_has_not_finished() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..3);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![parallel(
        &topic,
        Spread::None,
        3,
        1,
    )])]));
    let leases = [harness.take(), harness.take(), harness.take()];
    assert_eq!(leases.iter().flat_map(offsets).collect::<Vec<_>>(), [0, 1, 2]);
    // Where the second and the third one want to go on, the first one has not finished.
    assert!(leases[1].pause(Some(1), Some(Duration::from_millis(20))));
    assert!(leases[2].pause(Some(2), Some(Duration::from_millis(20))));
    assert_eq!(leases[2].seek_offset(), 2);
    leases[1].ack();
    leases[2].ack();
    leases[0].nack();
    let again = [harness.take(), harness.take(), harness.take()];
    assert_eq!(again.iter().flat_map(offsets).collect::<Vec<_>>(), [0, 1, 2]);
}
