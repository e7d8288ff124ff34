use super::*;

fn batch(count: usize, size: usize) -> Slice {
    let mut batch = Batch::with_capacity(count, count * size);
    batch.end = 10 + 2 * count as i64;
    for index in 0..count {
        let at = batch.arena.len();
        batch.arena.extend(std::iter::repeat_n(b'x', size));
        batch.slots.push(Slot {
            offset: 10 + 2 * index as i64,
            timestamp_ms: 0,
            at,
            payload_len: size as u32,
            key_len: NIL,
            headers_end: 0,
        });
    }
    Slice::whole(batch)
}

#[test]
fn a_run_is_cut_by_count_and_by_bytes_but_never_empty() {
    let mut rest = batch(10, 100);
    assert_eq!(rest.split_front(4, 10_000).len(), 4);
    assert_eq!(rest.split_front(4, 250).len(), 2);
    assert_eq!(rest.split_front(4, 1).len(), 1);
    assert_eq!(rest.len(), 3);
    assert_eq!(rest.first_offset(), Some(24));
}

#[test]
fn a_retry_starts_at_the_first_unmarked_offset_even_in_a_gap() {
    let all = batch(5, 1);
    assert_eq!(all.starting_at(13).first_offset(), Some(14));
    assert_eq!(all.starting_at(0).len(), 5);
    assert!(all.starting_at(99).is_empty());
}

#[test]
fn the_last_message_of_each_key_stays_and_all_without_one() {
    let mut batch = Batch::with_capacity(7, 7);
    for (index, key) in [Some(b'a'), None, Some(b'b'), Some(b'a'), None, Some(b'c'), Some(b'b')]
        .into_iter()
        .enumerate()
    {
        let at = batch.arena.len();
        batch.arena.extend(key);
        batch.slots.push(Slot {
            offset: index as i64,
            timestamp_ms: 0,
            at,
            payload_len: NIL,
            key_len: if key.is_some() { 1 } else { NIL },
            headers_end: 0,
        });
    }
    let all = Slice::whole(batch);
    assert_eq!(all.last_by_key(), [1, 3, 4, 5, 6]);
    assert_eq!(all.groups_by_key(), [vec![0, 3], vec![1, 4], vec![2, 6], vec![5]]);
    assert_eq!(all.starting_at(4).last_by_key(), [0, 1, 2]);
}

#[test]
fn held_bytes_are_given_back() {
    let before = held_bytes();
    let all = batch(100, 1000);
    assert!(held_bytes() >= before + 100_000);
    drop(all);
    // Other tests of this process hold batches too, but none of this size.
    assert!(held_bytes() < before + 100_000);
}
