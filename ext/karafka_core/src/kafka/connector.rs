//! Connects sockets for librdkafka, and no more of them a second than make sense.
//!
//! librdkafka (2.12.1) connects again without `reconnect.backoff.ms` while a question waits for one broker, such as the controller or a
//! group's coordinator. Where that broker is down it did so 4,000 times a second, which took a whole processor.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::config::NativeClientConfig;

/// Within one such time these attempts are made at once. A name with many addresses has them tried one after the other.
const WINDOW: Duration = Duration::from_secs(1);
const AT_ONCE: u32 = 20;
/// Each further one waits.
const PAUSE: Duration = Duration::from_millis(100);

thread_local! {
    /// librdkafka has a thread for each broker of a client, which makes its connections.
    static ATTEMPTS: Cell<Option<(Instant, u32)>> = const { Cell::new(None) };
}

/// For each client that connects.
pub(crate) fn install(config: &NativeClientConfig) {
    // SAFETY: the configuration is alive; the function lives as long as the library.
    unsafe { sys::rd_kafka_conf_set_connect_cb(config.ptr(), Some(connect)) };
}

/// 0, also where the connection is still being made; else the number of the error.
unsafe extern "C" fn connect(
    socket: c_int,
    address: *const libc::sockaddr,
    length: c_int,
    _broker: *const c_char,
    _opaque: *mut c_void,
) -> c_int {
    pace();
    // SAFETY: librdkafka's arguments, as it would give them itself.
    let connected = unsafe { libc::connect(socket, address, length as libc::socklen_t) };
    match connected {
        0 => 0,
        _ => match std::io::Error::last_os_error().raw_os_error() {
            None | Some(libc::EINPROGRESS) => 0,
            Some(number) => number,
        },
    }
}

fn pace() {
    let (since, count) = ATTEMPTS
        .get()
        .filter(|(since, _)| since.elapsed() < WINDOW)
        .unwrap_or_else(|| (Instant::now(), 0));
    ATTEMPTS.set(Some((since, count + 1)));
    if count >= AT_ONCE {
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    fn attempt(port: u16) -> c_int {
        // SAFETY: all zero is a valid address; the socket is closed once.
        unsafe {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
            let mut address: libc::sockaddr_in = std::mem::zeroed();
            address.sin_family = libc::AF_INET as libc::sa_family_t;
            address.sin_port = port.to_be();
            address.sin_addr.s_addr = u32::from(Ipv4Addr::LOCALHOST).to_be();
            let length = size_of::<libc::sockaddr_in>() as c_int;
            let code = connect(
                socket,
                (&raw const address).cast(),
                length,
                std::ptr::null(),
                std::ptr::null_mut(),
            );
            libc::close(socket);
            code
        }
    }

    #[test]
    fn connects_and_says_why_it_does_not() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(attempt(port), 0);
        drop(listener);
        assert_eq!(attempt(port), libc::ECONNREFUSED);
    }

    #[test]
    fn attempts_beyond_the_first_of_a_second_wait() {
        let begun = Instant::now();
        for _ in 0..AT_ONCE {
            attempt(1);
        }
        let at_once = begun.elapsed();
        for _ in 0..30 {
            attempt(1);
        }
        // After each second `AT_ONCE` are made at once again: 10 wait, and 20 do not.
        assert!(at_once < Duration::from_millis(900), "{at_once:?}");
        assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    }
}
