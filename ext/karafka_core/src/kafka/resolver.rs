//! Looks up the names of brokers for librdkafka, so that no fork falls into a look-up.
//!
//! glibc's `getaddrinfo` asks the kernel for the machine's addresses under a lock that a fork does not reset. A child
//! that is forked meanwhile hangs in its first look-up forever: that of its producer, or of its database.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int, c_void};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

use rdkafka::bindings as sys;
use rdkafka::config::NativeClientConfig;

use crate::base::fork;
use crate::base::per_process::PerProcess;
use crate::base::sync::Mutex;

/// Addresses that are remembered. Those of one application's brokers are far fewer.
const MOST_ADDRESSES: usize = 4_096;

/// Which addresses a client uses: `broker.address.family`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Family {
    #[default]
    Any,
    V4,
    V6,
}

impl Family {
    pub fn named(name: &str) -> Self {
        match name {
            "v4" => Family::V4,
            "v6" => Family::V6,
            _ => Family::Any,
        }
    }

    fn of(hints: *const libc::addrinfo) -> Self {
        // SAFETY: null, or librdkafka's.
        match unsafe { hints.as_ref() }.map(|hints| hints.ai_family) {
            Some(libc::AF_INET) => Family::V4,
            Some(libc::AF_INET6) => Family::V6,
            _ => Family::Any,
        }
    }

    fn has(self, address: IpAddr) -> bool {
        match self {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        }
    }
}

/// Of each address: all that its name has.
static NEIGHBOURS: PerProcess<Mutex<BTreeMap<IpAddr, Vec<IpAddr>>>> = PerProcess::new(Mutex::default);

/// How many addresses of that family the broker has that was found at `address`. librdkafka tries one after the other.
pub(crate) fn addresses_beside(address: IpAddr, family: Family) -> usize {
    let known = NEIGHBOURS.get().lock();
    let count = known
        .get(&address)
        .map_or(1, |all| all.iter().filter(|address| family.has(**address)).count());
    count.max(1)
}

/// What a look-up has found for one name.
pub(super) fn remember(found: &[IpAddr], family: Family) {
    let mut known = NEIGHBOURS.get().lock();
    if known.len() + found.len() > MOST_ADDRESSES {
        known.clear();
    }
    for address in found {
        let all = known.entry(*address).or_default();
        all.retain(|other| !family.has(*other));
        all.extend(found);
    }
}

/// # Safety
/// A list of `getaddrinfo`, which is alive.
unsafe fn addresses(mut list: *const libc::addrinfo) -> Vec<IpAddr> {
    let mut found = Vec::new();
    // SAFETY: by the contract; the family says what an address is.
    unsafe {
        while let Some(info) = list.as_ref() {
            let address = match info.ai_family {
                libc::AF_INET => {
                    let socket = info.ai_addr.cast::<libc::sockaddr_in>().read_unaligned();
                    Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(socket.sin_addr.s_addr))))
                }
                libc::AF_INET6 => {
                    let socket = info.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned();
                    Some(IpAddr::V6(Ipv6Addr::from(socket.sin6_addr.s6_addr)))
                }
                _ => None,
            };
            found.extend(address.filter(|address| !found.contains(address)));
            list = info.ai_next;
        }
    }
    found
}

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
    // SAFETY: librdkafka's arguments, as it would give them itself; the list was just made.
    unsafe {
        let code = libc::getaddrinfo(node, service, hints, result);
        if code == 0 {
            remember(&addresses(*result), Family::of(hints));
        }
        code
    }
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
    fn an_address_has_those_beside_it_that_its_name_has() {
        let [first, second, third] = ["203.0.113.1", "203.0.113.2", "2001:db8::1"].map(|text| text.parse().unwrap());
        assert_eq!(addresses_beside(first, Family::Any), 1);
        remember(&[first, second, third], Family::Any);
        let beside = |address| [Family::Any, Family::V4, Family::V6].map(|family| addresses_beside(address, family));
        assert_eq!([first, third].map(beside), [[3, 2, 1]; 2]);
        // Another client's look-up, for one family, says nothing about the other.
        remember(&[first], Family::V4);
        assert_eq!(beside(first), [2, 1, 1]);
        assert_eq!(beside(second), [3, 2, 1]);
    }

    #[test]
    fn looks_up_what_there_is() {
        assert_eq!(look_up(), 0);
        assert_eq!(addresses_beside(Ipv4Addr::LOCALHOST.into(), Family::V4), 1);
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
