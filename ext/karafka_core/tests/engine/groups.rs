//! Several groups of one engine whose members come and go at the same time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use karafka_core::config::{GroupConfig, TopicConfig};
use karafka_core::lease::Lease;

use crate::common::*;
use crate::real_kafka;

const GROUPS: usize = 3;
const PARTITIONS: i32 = 4;
const MESSAGES: u64 = 400;

fn slowly(lease: Lease) {
    std::thread::sleep(Duration::from_millis(1));
    lease.ack();
}

#[test]
fn groups_that_rebalance_at_the_same_time_do_not_mix_up_what_they_have_on_real_kafka() {
    let kafka = real_kafka!("groups_that_rebalance_at_the_same_time_do_not_mix_up_what_they_have_on_real_kafka");
    let topic = kafka.topic(PARTITIONS);
    let groups: Vec<GroupConfig> = (0..GROUPS)
        .map(|_| GroupConfig {
            topics: vec![TopicConfig {
                max_messages: 5,
                ..topic_config(&topic)
            }],
            ..kafka.group(vec![])
        })
        .collect();
    // What each group has processed, in this engine or in a guest's.
    let done: Arc<Vec<Processed>> = Arc::new((0..GROUPS).map(|_| Processed::default()).collect());
    let note = |lease: &Lease, group: usize, done: &[Processed]| {
        for offset in offsets(lease) {
            done[group].add(lease.partition().number, offset);
        }
    };
    let seen = done.clone();
    let harness = Harness::start(engine_config(groups.clone()), 4, move |lease| {
        note(&lease, lease.partition().group_index(), &seen);
        slowly(lease);
    });
    harness.wait_for_assignment(GROUPS * PARTITIONS as usize);
    let ids: Vec<u64> = std::thread::scope(|scope| {
        let feeder = scope.spawn(|| kafka.fill(&topic, PARTITIONS, 0..MESSAGES));
        let guests: Vec<_> = groups
            .iter()
            .enumerate()
            .map(|(index, group)| {
                let (group, done) = (group.clone(), done.clone());
                scope.spawn(move || {
                    for _ in 0..2 {
                        let seen = done.clone();
                        let guest = Harness::start(engine_config(vec![group.clone()]), 2, move |lease| {
                            note(&lease, index, &seen);
                            slowly(lease);
                        });
                        wait_until("the guest has a share", || guest.assigned() > 0);
                        guest.stop();
                    }
                })
            })
            .collect();
        let mut generations = Vec::new();
        while guests.iter().any(|guest| !guest.is_finished()) {
            // Asked all the time, while the poll threads change it.
            let state = harness.engine.state().unwrap();
            assert_eq!(state.groups.len(), GROUPS);
            for group in &state.groups {
                let places: HashSet<_> = group.assigned.iter().collect();
                assert_eq!(places.len(), group.assigned.len());
                assert!(group
                    .assigned
                    .iter()
                    .all(|(name, number)| **name == *topic && *number < PARTITIONS));
            }
            generations = state.groups.iter().map(|group| group.generation).collect();
            std::thread::sleep(Duration::from_millis(1));
        }
        feeder.join().unwrap();
        guests.into_iter().for_each(|guest| guest.join().unwrap());
        generations
    });
    assert!(ids.iter().all(|generation| *generation > 1), "{ids:?}");
    harness.wait_for_assignment(GROUPS * PARTITIONS as usize);
    wait_until("each group has everything", || {
        done.iter().all(|group| group.count() == MESSAGES as usize)
    });
    wait_until("each group has committed everything", || {
        groups.iter().all(|group| {
            (0..PARTITIONS)
                .all(|number| kafka.committed(&group.id, &topic, number) == Some((MESSAGES / PARTITIONS as u64) as i64))
        })
    });
    harness.stop();
}
