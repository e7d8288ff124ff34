//! glibc keeps freed memory for itself, up to several times of what is in use where messages are large: with 64 partitions
//! of 1 MB messages 340 MB. Where it is the allocator, large blocks go back to the kernel at once, and the rest when asked.

use std::time::{Duration, Instant};

/// Larger than the largest answer of a broker by default (`fetch.max.bytes`), which is allocated again and again; fresh pages for
/// each of them cost a third more CPU. glibc's own threshold grows with what is freed, up to 32 MB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const FROM_KERNEL_BYTES: libc::c_int = 4_100_000;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const USERS_OWN: [&str; 2] = ["MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"];

const BETWEEN: Duration = Duration::from_millis(250);

/// Once, before anything is fetched. What the environment says holds.
pub fn set_up() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if USERS_OWN.iter().all(|name| std::env::var_os(name).is_none()) {
        // SAFETY: sets a number, under the allocator's lock.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, FROM_KERNEL_BYTES) };
    }
}

/// Gives what is free back to the kernel, now and then, while memory is scarce.
#[derive(Default)]
pub struct Trim {
    last: Option<Instant>,
}

impl Trim {
    pub fn run_if_due(&mut self, now: Instant) {
        if self.last.is_some_and(|last| now.duration_since(last) < BETWEEN) {
            return;
        }
        self.last = Some(now);
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        // SAFETY: only frees what is free, under the allocator's locks.
        unsafe {
            libc::malloc_trim(0)
        };
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    const LARGE: usize = 8 * 1024 * 1024;
    /// Too large for a gap that existed before.
    const SMALL: usize = 100_000;
    const BLOCKS: usize = 20;

    fn resident_bytes() -> usize {
        let bytes = crate::base::memory::own_resident_bytes().expect("Linux has it");
        usize::try_from(bytes).expect("it is below the memory of this machine")
    }

    #[test]
    fn large_blocks_go_back_to_the_kernel_though_small_ones_lie_in_between() {
        set_up();
        // The first one that is freed would raise the threshold.
        drop(vec![1u8; LARGE]);
        let (large, small): (Vec<_>, Vec<_>) = (0..BLOCKS).map(|_| (vec![1u8; LARGE], vec![1u8; SMALL])).unzip();
        let before = resident_bytes();
        drop(large);
        let after = resident_bytes();
        assert!(after + BLOCKS * LARGE / 2 < before, "{before} to {after}");
        drop(small);
    }
}
