//! Signs of life of a process for the one that has forked it, from a thread that needs nothing but the processor: where the host's
//! language is busy or stuck, they come all the same. The same thread ends a process whose parent is gone.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::sync::Mutex;
use crate::error::{Error, Result};

/// What one line of the pipe says. It has no line break, and is shorter than what a pipe takes as a whole.
type Status = Box<dyn Fn() -> String + Send>;

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Where the lines go. The caller keeps its own descriptor.
    pub beats: RawFd,
    /// Read end of a pipe that only the parent has the other end of.
    pub lifeline: RawFd,
    pub parent: i32,
    pub interval: Duration,
    /// How long the process may take to end by itself once its parent is gone. None: as long as it needs.
    pub longest_stop: Option<Duration>,
    /// Of a process that did not end by itself.
    pub exit_status: i32,
}

#[derive(Clone)]
pub struct Heartbeat {
    status: Arc<Mutex<Status>>,
}

impl Heartbeat {
    /// Starts the thread, which runs until the process ends.
    pub fn start(settings: Settings, status: impl Fn() -> String + Send + 'static) -> Result<Self> {
        let heart = Heart {
            status: Arc::new(Mutex::new(Box::new(status))),
            beats: File::from(own(settings.beats)?),
            lifeline: own(settings.lifeline)?,
            settings,
        };
        let heartbeat = Heartbeat {
            status: heart.status.clone(),
        };
        std::thread::Builder::new()
            .name("krs.heartbeat".to_owned())
            .spawn(move || heart.run())
            .map_err(|error| Error::Internal(format!("no thread for signs of life: {error}")))?;
        Ok(heartbeat)
    }

    /// From the next beat on this is what it says.
    pub fn report(&self, status: impl Fn() -> String + Send + 'static) {
        *self.status.lock() = Box::new(status);
    }
}

/// A descriptor of our own for the same pipe, which never blocks.
fn own(descriptor: RawFd) -> Result<OwnedFd> {
    let failed = |error: std::io::Error| Error::Internal(format!("the pipe of the parent cannot be used: {error}"));
    if descriptor < 0 {
        return Err(failed(ErrorKind::InvalidInput.into()));
    }
    // SAFETY: it is open as long as this call lasts: the caller owns it. Where it is not, duplicating it is an error.
    let own = unsafe { BorrowedFd::borrow_raw(descriptor) }
        .try_clone_to_owned()
        .map_err(failed)?;
    // SAFETY: plain flags of a descriptor that is ours.
    let flags = unsafe { libc::fcntl(own.as_raw_fd(), libc::F_GETFL) };
    // SAFETY: as above.
    if flags < 0 || unsafe { libc::fcntl(own.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) } < 0 {
        return Err(failed(std::io::Error::last_os_error()));
    }
    Ok(own)
}

struct Heart {
    settings: Settings,
    status: Arc<Mutex<Status>>,
    beats: File,
    lifeline: OwnedFd,
}

impl Heart {
    fn run(mut self) {
        while self.beat() && !self.is_orphaned() {}
        self.end_process();
    }

    /// False: nobody can read it any more.
    fn beat(&mut self) -> bool {
        let line = (self.status.lock())() + "\n";
        // A pipe takes so short a line as a whole, or not at all.
        match self.beats.write_all(line.as_bytes()) {
            Ok(()) => true,
            // Full: the parent stands still, and has enough to read when it goes on.
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    /// Waits until the next beat is due, or the parent is gone.
    fn is_orphaned(&self) -> bool {
        let mut poll = libc::pollfd {
            fd: self.lifeline.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one valid structure, for as long as the call lasts.
        let ready = unsafe { libc::poll(&mut poll, 1, self.settings.interval.as_millis() as libc::c_int) };
        // The parent never writes, so whatever comes is the end. A process that was forked while the pipe was open may still hold
        // the other end of it: then the parent's id tells.
        // SAFETY: always succeeds.
        ready > 0 || unsafe { libc::getppid() } != self.settings.parent
    }

    /// Gracefully, as if the parent had asked for it, and then by force.
    fn end_process(&self) {
        // SAFETY: a signal to this process.
        unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
        let Some(longest) = self.settings.longest_stop else {
            return;
        };
        let until = Instant::now() + longest;
        while Instant::now() < until {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
        // SAFETY: ends the process without the host's exit handlers, which may be what hangs.
        unsafe { libc::_exit(self.settings.exit_status) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixStream;

    fn settings(beats: &UnixStream, lifeline: &UnixStream) -> Settings {
        Settings {
            beats: beats.as_raw_fd(),
            lifeline: lifeline.as_raw_fd(),
            // SAFETY: always succeeds.
            parent: unsafe { libc::getppid() },
            interval: Duration::from_millis(5),
            longest_stop: None,
            exit_status: 3,
        }
    }

    #[test]
    fn it_says_what_it_was_told_to_say_last_and_a_full_pipe_does_not_hold_it_up() {
        let (reader, writer) = UnixStream::pair().unwrap();
        let (lifeline, held) = UnixStream::pair().unwrap();
        let full = "x".repeat(4_000);
        let heartbeat = Heartbeat::start(settings(&writer, &lifeline), move || full.clone()).unwrap();
        // The pipe is full after some beats; the status is asked for all the same.
        let (asked, asks) = std::sync::mpsc::channel();
        for _ in 0..2 {
            let asked = asked.clone();
            let said = "x".repeat(4_000);
            heartbeat.report(move || {
                let _ = asked.send(());
                said.clone()
            });
            for _ in 0..100 {
                asks.recv_timeout(Duration::from_secs(120)).unwrap();
            }
        }
        heartbeat.report(|| "running".to_owned());
        let mut lines = BufReader::new(reader).lines().map(|line| line.unwrap());
        assert!(lines.any(|line| line.ends_with("running")));
        // The thread goes on until the process ends, and would end it: the parent must not look gone.
        std::mem::forget((held, lines));
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_refused() {
        let (lifeline, held) = UnixStream::pair().unwrap();
        let closed = Settings {
            beats: -1,
            ..settings(&held, &lifeline)
        };
        let error = Heartbeat::start(closed, String::new).err().unwrap().to_string();
        assert!(error.contains("cannot be used"), "{error}");
    }
}
