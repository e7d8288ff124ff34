//! Arenas that were given back, for the next batches. Fresh memory of this size comes from the kernel page by page,
//! and a garbage-collected host gives it back late: without the pool page faults are a quarter of a no-op run.

use crate::base::sync::Mutex;

/// Small ones are cheap to allocate, large ones are rare and would pin memory.
const POOLED_BYTES: std::ops::RangeInclusive<usize> = 16 * 1024..=4 * 1024 * 1024;
const POOL_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// Sizes are rounded up to this, so that arenas fit again.
const STEP_BYTES: usize = 32 * 1024;

struct Pool {
    arenas: Vec<Vec<u8>>,
    bytes: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    arenas: Vec::new(),
    bytes: 0,
});

/// An empty arena with room for `bytes`.
pub fn take(bytes: usize) -> Vec<u8> {
    if !POOLED_BYTES.contains(&bytes) {
        return Vec::with_capacity(bytes);
    }
    let wanted = bytes.next_multiple_of(STEP_BYTES);
    // Never waits: in a forked child nobody might unlock it.
    if let Some(mut pool) = POOL.try_lock() {
        let fitting = pool
            .arenas
            .iter()
            .rposition(|arena| (wanted..=2 * wanted).contains(&arena.capacity()));
        if let Some(index) = fitting {
            let arena = pool.arenas.swap_remove(index);
            pool.bytes -= arena.capacity();
            return arena;
        }
    }
    Vec::with_capacity(wanted)
}

/// Keeps the arena for the next one, within the limit.
pub fn give_back(mut arena: Vec<u8>) {
    if !POOLED_BYTES.contains(&arena.capacity()) {
        return;
    }
    arena.clear();
    if let Some(mut pool) = POOL.try_lock() {
        if pool.bytes + arena.capacity() <= POOL_LIMIT_BYTES {
            pool.bytes += arena.capacity();
            pool.arenas.push(arena);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_comes_back_empty_and_large_enough() {
        for bytes in [0, 1, 20_000, 33_000, 5_000_000] {
            let mut arena = take(bytes);
            assert!(arena.is_empty() && arena.capacity() >= bytes);
            arena.resize(bytes, 7);
            give_back(arena);
        }
        assert!(take(20_000).is_empty());
    }

    #[test]
    fn the_pool_is_bounded() {
        for _ in 0..20 {
            give_back(Vec::with_capacity(2 * 1024 * 1024));
        }
        assert!(POOL.lock().bytes <= POOL_LIMIT_BYTES);
    }
}
