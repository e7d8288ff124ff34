//! Looks up the names of brokers for librdkafka, so that no fork falls into a look-up.
//!
//! glibc's `getaddrinfo` asks the kernel for the machine's addresses under a lock that a fork does not reset. A child
//! that is forked meanwhile hangs in its first look-up forever: that of its producer, or of its database.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use rdkafka::bindings as sys;
use rdkafka::config::NativeClientConfig;

use crate::base::fork;

type Resolve =
    extern "C" fn(*const c_char, *const c_char, *const libc::addrinfo, *mut *mut libc::addrinfo, *mut c_void) -> c_int;

extern "C" {
    /// Not among the crate's bindings.
    fn rd_kafka_conf_set_resolve_cb(conf: *mut sys::rd_kafka_conf_t, resolve: Resolve);
}

/// For each client that connects.
pub(crate) fn install(config: &NativeClientConfig) {
    // SAFETY: the configuration is alive; the function lives as long as the library.
    unsafe { rd_kafka_conf_set_resolve_cb(config.ptr(), resolve) };
}

/// librdkafka asks twice: for addresses, and, with neither name nor service, to give them back.
extern "C" fn resolve(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    result: *mut *mut libc::addrinfo,
    _opaque: *mut c_void,
) -> c_int {
    if node.is_null() && service.is_null() {
        // SAFETY: what an earlier call has returned, once.
        unsafe {
            libc::freeaddrinfo(*result);
            *result = ptr::null_mut();
        }
        return 0;
    }
    let _no_fork = fork::postpone();
    // SAFETY: librdkafka's arguments, as it would give them itself.
    unsafe { libc::getaddrinfo(node, service, hints, result) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    /// As librdkafka asks: only for families that the machine has an address of.
    fn look_up() -> c_int {
        // SAFETY: all zero is a valid addrinfo.
        let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
        hints.ai_flags = libc::AI_ADDRCONFIG;
        hints.ai_socktype = libc::SOCK_STREAM;
        let mut found = ptr::null_mut();
        let code = resolve(
            c"127.0.0.1".as_ptr(),
            c"9092".as_ptr(),
            &hints,
            &mut found,
            ptr::null_mut(),
        );
        if code == 0 {
            resolve(ptr::null(), ptr::null(), ptr::null(), &mut found, ptr::null_mut());
        }
        code
    }

    #[test]
    fn a_child_that_is_forked_during_a_look_up_can_look_up_itself() {
        fork::register();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    look_up();
                }
            });
            let failed = (0..200).find(|_| {
                let started = Instant::now();
                // SAFETY: the child only looks up and ends; the alarm ends it where it hangs.
                unsafe {
                    let child = libc::fork();
                    if child == 0 {
                        libc::alarm(30);
                        libc::_exit(look_up());
                    }
                    // On a busy machine the look-up may stand still for longer than a fork waits for it.
                    let waited_in_vain = started.elapsed() >= fork::LONGEST_WAIT;
                    if waited_in_vain {
                        libc::kill(child, libc::SIGKILL);
                    }
                    let mut status = -1;
                    libc::waitpid(child, &mut status, 0);
                    status != 0 && !waited_in_vain
                }
            });
            done.store(true, Ordering::Relaxed);
            assert_eq!(failed, None, "the child of this fork hangs");
        });
    }
}
