//! Ids that no two processes share by chance: a generator for each thread, begun with the system's randomness. A forked child begins
//! anew, or it would go on with its parent's ids.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use crate::base::fork::ForkGuard;

thread_local! {
    static STATE: Cell<Option<(ForkGuard, u64)>> = const { Cell::new(None) };
}

pub(super) fn trace() -> [u8; 16] {
    loop {
        let id = (u128::from(next()) << 64) | u128::from(next());
        if id != 0 {
            return id.to_be_bytes();
        }
    }
}

pub(super) fn span() -> [u8; 8] {
    loop {
        let id = next();
        if id != 0 {
            return id.to_be_bytes();
        }
    }
}

/// SplitMix64.
fn next() -> u64 {
    let known = STATE.get().filter(|(guard, _)| !guard.is_foreign());
    let (guard, state) = known.unwrap_or_else(|| (ForkGuard::new(), seed()));
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(Some((guard, state)));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Keys of `RandomState` come from the system once a thread, so time and process are mixed in: a fork has the keys of its parent.
fn seed() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    hasher.write_u128(now.map_or(0, |now| now.as_nanos()));
    hasher.write_u32(std::process::id());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_do_not_come_twice() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..1_000).map(|_| trace()).collect::<Vec<_>>()))
            .collect();
        let ids: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }
}
