//! What a system says about its processes, each in its own way: the only place that reads /proc, and what macOS has instead.

/// Memory that a process has in RAM. None where the system has no such process, or doesn't say.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    system::resident_bytes(pid)
}

/// Of this process.
pub fn own_resident_bytes() -> Option<u64> {
    resident_bytes(std::process::id())
}

/// Names of the threads of this process. Empty where the system doesn't say; for tests.
pub fn thread_names() -> Vec<String> {
    system::thread_names()
}

#[cfg(target_os = "linux")]
mod system {
    pub fn resident_bytes(pid: u32) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
        // SAFETY: a plain question.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        Some(pages * u64::try_from(size).ok()?)
    }

    pub fn thread_names() -> Vec<String> {
        let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
            return Vec::new();
        };
        // A thread may end meanwhile.
        let names = tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.map(|name| name.trim().to_owned()).collect()
    }
}

#[cfg(target_os = "macos")]
mod system {
    pub fn resident_bytes(pid: u32) -> Option<u64> {
        let pid = i32::try_from(pid).ok()?;
        // SAFETY: plain numbers, for which zero is a value.
        let mut info: libc::proc_taskinfo = unsafe { std::mem::zeroed() };
        let size = i32::try_from(std::mem::size_of_val(&info)).ok()?;
        // SAFETY: it writes at most `size` bytes, and `info` has as many.
        let written = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTASKINFO, 0, (&raw mut info).cast(), size) };
        (written == size).then_some(info.pti_resident_size)
    }

    pub fn thread_names() -> Vec<String> {
        Vec::new()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod system {
    pub fn resident_bytes(_pid: u32) -> Option<u64> {
        None
    }

    pub fn thread_names() -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_memory_of_this_process_and_of_none_that_does_not_exist() {
        let own = own_resident_bytes().expect("this process runs");
        assert!((1 << 20..1 << 34).contains(&own), "{own}");
        assert_eq!(resident_bytes(i32::MAX.unsigned_abs()), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn knows_the_names_of_threads() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("krs.memory.test".to_owned());
        // A thread gives itself its name, before it runs this.
        let handle = thread.spawn(move || {
            let _ = started.send(());
            let _ = receiver.recv();
        });
        let handle = handle.expect("a thread");
        has_started.recv().expect("it runs");
        assert!(thread_names().contains(&"krs.memory.test".to_owned()));
        drop(sender);
        let _ = handle.join();
    }
}
