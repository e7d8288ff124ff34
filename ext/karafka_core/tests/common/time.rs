//! How long something takes, and what it costs the processor.

use std::time::Duration;

/// How long something takes: the shortest of up to ten times, as a busy machine makes any of them long. Less than `target`
/// is enough.
pub fn shortest(target: Duration, mut measure: impl FnMut() -> Duration) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..10 {
        best = best.min(measure());
        if best < target {
            break;
        }
    }
    best
}

/// The one in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Processor time of this process.
pub fn cpu_time() -> Duration {
    cpu_time_of(libc::RUSAGE_SELF)
}

/// Processor time of this thread: other tests run in this process.
pub fn thread_cpu_time() -> Duration {
    cpu_time_of(libc::RUSAGE_THREAD)
}

fn cpu_time_of(whom: libc::c_int) -> Duration {
    // SAFETY: getrusage only writes to the zeroed value.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(whom, &mut usage);
        usage
    };
    let of = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    of(usage.ru_utime) + of(usage.ru_stime)
}
