//! Where a partition begins that was assigned: decided from what the group has committed for its topic, and for which topic of
//! that name. Plain data.
//!
//! `initial_offset` "latest" says where a group begins, not what happens to partitions that are born later, and no process knows
//! that alone. So the position at which a partition is begun is committed before its first message goes out, and each commit
//! says with how many partitions the group began. A partition with such a number or a higher one came later.

use std::collections::BTreeMap;

use crate::config::{InitialOffset, OnRecreated};
use crate::consume::commit_metadata::Origin;
use crate::kafka::ffi::Commit;
use crate::kafka::topics::{differ, Known};

/// What the group has committed for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub commit: Commit,
    /// None: nobody of ours has written it.
    pub origin: Option<Origin>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Where the group has committed.
    Committed(Commit),
    /// Nothing is committed: where librdkafka begins.
    ByItself,
    /// At the beginning or the end of the log; that is committed before the first message goes out.
    Beginning,
    End,
    Refused(Refusal),
}

/// Why nothing of a partition is consumed, until people decide where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// With `initial_offset` "error".
    NothingCommitted,
    /// The same; what is at this offset, the next one, is not in the log any more.
    Deleted(i64),
    /// With `on_topic_recreated` "error".
    Recreated,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    pub place: Place,
    pub began_with: i32,
    /// What was committed for another topic of that name.
    pub stale: Option<i64>,
}

/// `commits` are those of the topic's partitions. `anew`: what is read of it is known to be another log, whatever is committed.
pub fn decide(
    (initial, on_recreated): (InitialOffset, OnRecreated),
    number: i32,
    topic: &Known,
    commits: &BTreeMap<i32, Committed>,
    anew: bool,
) -> Beginning {
    let id_of = |committed: &Committed| committed.origin.as_ref().and_then(|origin| origin.topic_id.clone());
    let is_stale = |committed: &Committed| differ(&id_of(committed), &topic.id);
    let own = commits.get(&number);
    let beginning = |place, began_with| Beginning {
        place,
        began_with,
        stale: None,
    };
    let recreated = match on_recreated {
        OnRecreated::Beginning => Place::Beginning,
        OnRecreated::End => Place::End,
        OnRecreated::Error => Place::Refused(Refusal::Recreated),
    };
    if let Some(stale) = own.filter(|own| is_stale(own)) {
        return Beginning {
            stale: Some(stale.commit.offset),
            ..beginning(recreated, 0)
        };
    }
    let said = |committed: &Committed| committed.origin.as_ref().map(|origin| origin.began_with);
    if anew {
        return beginning(recreated, 0);
    }
    if let Some(own) = own {
        return beginning(Place::Committed(own.commit.clone()), said(own).unwrap_or(0));
    }
    let another_one = commits.values().any(is_stale);
    if on_recreated != OnRecreated::Beginning && (another_one || !topic.gone.is_empty()) {
        return beginning(recreated, 0);
    }
    let began_with = commits.values().filter(|other| !is_stale(other)).filter_map(said).min();
    match initial {
        InitialOffset::Earliest | InitialOffset::LatestAlways => beginning(Place::ByItself, 0),
        InitialOffset::Error if another_one => beginning(Place::Beginning, 0),
        InitialOffset::Error => beginning(Place::Refused(Refusal::NothingCommitted), 0),
        InitialOffset::Latest => match began_with {
            Some(count) if number >= count => beginning(Place::Beginning, count),
            _ if another_one || topic.appeared => beginning(Place::Beginning, 0),
            Some(count) => beginning(Place::End, count),
            // A partition that the topic's description does not have yet.
            None => beginning(Place::End, topic.partitions.max(number + 1)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn topic(id: &str, partitions: i32) -> Known {
        Known {
            id: Some(Arc::from(id)),
            partitions,
            ..Known::default()
        }
    }

    fn committed(offset: i64, origin: Option<(&str, i32)>) -> Committed {
        Committed {
            commit: Commit {
                offset,
                metadata: None,
                leader_epoch: None,
            },
            origin: origin.map(|(id, began_with)| Origin {
                topic_id: (!id.is_empty()).then(|| Arc::from(id)),
                began_with,
            }),
        }
    }

    fn place(initial: InitialOffset, number: i32, topic: &Known, commits: &[(i32, Committed)]) -> (Place, i32) {
        let commits = commits.iter().cloned().collect();
        let found = decide((initial, OnRecreated::Beginning), number, topic, &commits, false);
        (found.place, found.began_with)
    }

    #[test]
    fn a_commit_for_another_topic_of_that_name_is_not_valid() {
        let commits = BTreeMap::from([(0, committed(50, Some(("a", 0))))]);
        for initial in [
            InitialOffset::Earliest,
            InitialOffset::Latest,
            InitialOffset::LatestAlways,
            InitialOffset::Error,
        ] {
            for (on_recreated, place) in [
                (OnRecreated::Beginning, Place::Beginning),
                (OnRecreated::End, Place::End),
                (OnRecreated::Error, Place::Refused(Refusal::Recreated)),
            ] {
                let found = decide((initial, on_recreated), 0, &topic("b", 1), &commits, false);
                assert_eq!((found.place, found.stale), (place, Some(50)), "{initial:?}");
                let same = decide((initial, on_recreated), 0, &topic("a", 1), &commits, false);
                assert!(matches!(same.place, Place::Committed(commit) if commit.offset == 50));
            }
        }
    }

    #[test]
    fn all_partitions_of_a_topic_that_was_made_again_begin_where_on_topic_recreated_says() {
        let another = Known {
            gone: vec![Arc::from("a")],
            ..topic("b", 2)
        };
        let none = BTreeMap::new();
        let of_the_old = BTreeMap::from([(0, committed(50, Some(("a", 0))))]);
        for initial in [
            InitialOffset::Earliest,
            InitialOffset::Latest,
            InitialOffset::LatestAlways,
        ] {
            let place = |topic: &Known, commits: &BTreeMap<i32, Committed>, anew| {
                decide((initial, OnRecreated::End), 1, topic, commits, anew).place
            };
            assert_eq!(place(&another, &none, false), Place::End, "this process has seen it");
            assert_eq!(
                place(&topic("b", 2), &of_the_old, false),
                Place::End,
                "another partition's commit says so"
            );
            assert_eq!(place(&topic("b", 2), &none, true), Place::End, "its log is shorter");
        }
        let earliest = (InitialOffset::Earliest, OnRecreated::End);
        assert_eq!(
            decide(earliest, 1, &topic("b", 2), &none, false).place,
            Place::ByItself,
            "it is the first one"
        );
        let by_hand = BTreeMap::from([(1, committed(7, None))]);
        let error = (InitialOffset::Earliest, OnRecreated::Error);
        assert!(
            matches!(decide(error, 1, &another, &by_hand, false).place, Place::Committed(_)),
            "people decided"
        );
    }

    #[test]
    fn a_commit_that_names_no_topic_is_believed() {
        for origin in [None, Some(("", 0))] {
            let (found, _) = place(InitialOffset::Latest, 0, &topic("b", 1), &[(0, committed(50, origin))]);
            assert!(matches!(found, Place::Committed(commit) if commit.offset == 50));
        }
        let unknown = Known::default();
        let (found, _) = place(
            InitialOffset::Earliest,
            0,
            &unknown,
            &[(0, committed(50, Some(("a", 0))))],
        );
        assert!(matches!(found, Place::Committed(_)));
    }

    #[test]
    fn with_latest_a_partition_that_came_later_begins_at_its_beginning() {
        let initial = InitialOffset::Latest;
        let four = topic("a", 4);
        assert_eq!(place(initial, 2, &four, &[]), (Place::End, 4), "the group begins");
        let begun = [(0, committed(7, Some(("a", 4))))];
        assert_eq!(
            place(initial, 2, &four, &begun),
            (Place::End, 4),
            "another member has been quicker"
        );
        let six = topic("a", 6);
        assert_eq!(place(initial, 3, &six, &begun), (Place::End, 4));
        assert_eq!(place(initial, 4, &six, &begun), (Place::Beginning, 4));
        assert_eq!(place(initial, 5, &six, &begun), (Place::Beginning, 4));
        let of_others = [(0, committed(7, None))];
        assert_eq!(
            place(initial, 5, &six, &of_others),
            (Place::End, 6),
            "who began it is not known"
        );
    }

    #[test]
    fn with_latest_a_topic_that_appeared_begins_at_its_beginning() {
        let appeared = Known {
            appeared: true,
            ..topic("a", 2)
        };
        assert_eq!(place(InitialOffset::Latest, 0, &appeared, &[]), (Place::Beginning, 0));
        let begun = [(0, committed(7, Some(("a", 0))))];
        assert_eq!(
            place(InitialOffset::Latest, 1, &topic("a", 2), &begun),
            (Place::Beginning, 0)
        );
        let stale = [(0, committed(7, Some(("z", 2))))];
        assert_eq!(
            place(InitialOffset::Latest, 1, &topic("a", 2), &stale),
            (Place::Beginning, 0)
        );
        assert_eq!(
            place(InitialOffset::LatestAlways, 0, &appeared, &[]),
            (Place::ByItself, 0)
        );
    }

    #[test]
    fn without_a_commit_the_others_do_as_they_say() {
        assert_eq!(
            place(InitialOffset::Earliest, 0, &topic("a", 2), &[]),
            (Place::ByItself, 0)
        );
        let refused = Place::Refused(Refusal::NothingCommitted);
        assert_eq!(place(InitialOffset::Error, 0, &topic("a", 2), &[]), (refused, 0));
        let error = (InitialOffset::Error, OnRecreated::Beginning);
        let anew = decide(error, 0, &topic("a", 2), &BTreeMap::new(), true);
        assert_eq!(anew.place, Place::Beginning);
    }
}
