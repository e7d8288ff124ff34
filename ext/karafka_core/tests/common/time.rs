//! How long something takes, and what it costs the processor.

use std::time::{Duration, Instant};

/// How long something takes: the shortest of ten times, and of as many as fit into a minute, as a busy machine makes any of
/// them long. Less than `target` is enough.
pub fn shortest(target: Duration, mut measure: impl FnMut() -> Duration) -> Duration {
    let end = Instant::now() + Duration::from_secs(60);
    let (mut best, mut times) = (Duration::MAX, 0);
    while best >= target && (times < 10 || Instant::now() < end) {
        best = best.min(measure());
        times += 1;
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
