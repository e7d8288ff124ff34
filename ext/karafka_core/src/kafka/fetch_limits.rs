//! Two settings of librdkafka that change while a client lives: from how many queued messages on nothing more is fetched of a
//! partition (`queued.min.messages`), and how much one answer may hold (`fetch.max.bytes`). librdkafka reads both numbers in its
//! living configuration whenever it makes a request (`rd_kafka_toppar_fetch_decide`, `rd_kafka_broker_fetch_toppars`), and a partition
//! above the first is left out of the next one: nothing that was fetched is dropped, unlike with a pause. With 0 every partition is
//! above it. `rd_kafka_conf_set` would take the change too, but not the 0, and only the 0 stops a client with many empty partitions,
//! each of which may have up to a fetch's worth.

use std::ffi::{c_char, CStr};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::OnceLock;

use rdkafka::bindings as sys;

const QUEUED_MIN_MESSAGES: &CStr = c"queued.min.messages";
const FETCH_MAX_BYTES: &CStr = c"fetch.max.bytes";
/// librdkafka's own upper limit of messages.
const MOST: i32 = 10_000_000;
/// A broker answers with one whole batch, however large it is.
const ONE_BATCH_BYTES: i32 = 1;
/// Two values that a configuration holds nowhere else.
const PROBES: [(&CStr, i32); 2] = [(c"7340149", 7_340_149), (c"8126467", 8_126_467)];
/// No configuration is larger (`RD_KAFKA_CONF_PROPS_IDX_MAX`, which librdkafka asserts).
const SIZE_LIMIT: usize = 64 * 33;

/// Valid while its client lives.
pub struct FetchLimits {
    min_messages: Number,
    max_bytes: Number,
    /// What the client was made with.
    given_bytes: i32,
}

impl FetchLimits {
    /// None where librdkafka keeps the numbers elsewhere than they are looked for: then the settings stay as they were given.
    ///
    /// # Safety
    /// `client` lives as long as the limits are used.
    pub unsafe fn of(client: *mut sys::rd_kafka_t) -> Option<Self> {
        static OFFSETS: OnceLock<Option<[usize; 2]>> = OnceLock::new();
        let [min_messages, max_bytes] =
            (*OFFSETS.get_or_init(|| Some([find(QUEUED_MIN_MESSAGES)?, find(FETCH_MAX_BYTES)?])))?;
        // SAFETY: a living client's configuration has the layout of any other, which `find` has looked at.
        let [min_messages, max_bytes] =
            [min_messages, max_bytes].map(|offset| unsafe { Number::at(sys::rd_kafka_conf(client), offset) });
        Some(FetchLimits {
            given_bytes: max_bytes.get(),
            min_messages,
            max_bytes,
        })
    }

    /// From this many messages on nothing more is fetched of a partition; 0: of none.
    pub fn set_threshold(&self, messages: usize) {
        self.min_messages.set(i32::try_from(messages).unwrap_or(MOST).min(MOST));
    }

    /// Whether answers hold one batch of one partition instead of as much as was set.
    pub fn set_one_batch(&self, one: bool) {
        self.max_bytes.set(if one { ONE_BATCH_BYTES } else { self.given_bytes });
    }
}

/// An int in a client's configuration.
#[derive(Clone, Copy)]
struct Number(*const AtomicI32);

// SAFETY: it points to an integer that is only accessed atomically from here.
unsafe impl Send for Number {}
// SAFETY: as above.
unsafe impl Sync for Number {}

impl Number {
    /// # Safety
    /// `conf` has an int there, and outlives the number.
    unsafe fn at(conf: *const sys::rd_kafka_conf_t, offset: usize) -> Self {
        // SAFETY: by contract.
        Number(unsafe { conf.cast::<u8>().add(offset).cast::<AtomicI32>() })
    }

    fn get(self) -> i32 {
        // SAFETY: an aligned int of a living client, see `set`.
        unsafe { (*self.0).load(Ordering::Relaxed) }
    }

    fn set(self, number: i32) {
        // SAFETY: an aligned int of a living client. Its threads read it without a lock, one load a decision: they see the old
        // or the new number, and either is a valid one. Nothing else writes it once the client is made.
        unsafe { (*self.0).store(number, Ordering::Relaxed) };
    }
}

/// The offset of a number in a configuration: where a value is found that was set by its name, and where a value that is
/// written is the one that librdkafka reads.
fn find(name: &CStr) -> Option<usize> {
    // SAFETY: a fresh configuration, destroyed here. What is read of it is allocated and zeroed by librdkafka: the scan ends at
    // the number itself, which is somewhere in it.
    unsafe {
        let conf = sys::rd_kafka_conf_new();
        let found = PROBES.map(|(text, number)| offset_of(conf, name, text, number));
        let same = found[0].filter(|_| found[0] == found[1]);
        let place = same.filter(|offset| {
            Number::at(conf, *offset).set(0);
            read(conf, name) == Some(0)
        });
        sys::rd_kafka_conf_destroy(conf);
        place
    }
}

/// # Safety
/// `conf` is a configuration of the caller's.
unsafe fn offset_of(conf: *mut sys::rd_kafka_conf_t, name: &CStr, text: &CStr, number: i32) -> Option<usize> {
    let mut error = [0 as c_char; 128];
    // SAFETY: by contract; `error` outlives the call.
    let set = unsafe { sys::rd_kafka_conf_set(conf, name.as_ptr(), text.as_ptr(), error.as_mut_ptr(), error.len()) };
    // SAFETY: by contract.
    if set != sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK || unsafe { read(conf, name) } != Some(number) {
        return None;
    }
    let step = size_of::<i32>();
    // SAFETY: by contract; see `find`.
    (0..SIZE_LIMIT)
        .step_by(step)
        .find(|offset| unsafe { conf.cast::<u8>().add(*offset).cast::<i32>().read_volatile() } == number)
}

/// What librdkafka says the number is.
///
/// # Safety
/// `conf` is a configuration of the caller's.
unsafe fn read(conf: *const sys::rd_kafka_conf_t, name: &CStr) -> Option<i32> {
    let mut text = [0 as c_char; 32];
    let mut size = text.len();
    // SAFETY: by contract; `text` has room for `size` bytes and ends with a NUL.
    unsafe {
        let result = sys::rd_kafka_conf_get(conf, name.as_ptr(), text.as_mut_ptr(), &raw mut size);
        (result == sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK)
            .then(|| CStr::from_ptr(text.as_ptr()).to_str().ok()?.parse().ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_found_in_the_configuration_of_the_bundled_librdkafka() {
        let found = [QUEUED_MIN_MESSAGES, FETCH_MAX_BYTES].map(find);
        assert!(found.iter().all(Option::is_some), "{found:?}");
        assert_ne!(found[0], found[1]);
    }

    #[test]
    fn a_living_client_takes_them() {
        let client: rdkafka::consumer::BaseConsumer = rdkafka::ClientConfig::new()
            .set("group.id", "any")
            .set("fetch.max.bytes", "5000000")
            .create()
            .expect("a consumer");
        let client = rdkafka::consumer::Consumer::client(&client).native_ptr();
        // SAFETY: it lives to the end of this test.
        let limits = unsafe { FetchLimits::of(client) }.expect("found");
        // SAFETY: as above.
        let now = |name| unsafe { read(sys::rd_kafka_conf(client), name) };
        for (given, taken) in [(7, 7), (0, 0), (usize::MAX, MOST)] {
            limits.set_threshold(given);
            assert_eq!(now(QUEUED_MIN_MESSAGES), Some(taken));
        }
        for (one, bytes) in [(true, 1), (false, 5_000_000)] {
            limits.set_one_batch(one);
            assert_eq!(now(FETCH_MAX_BYTES), Some(bytes));
        }
    }
}
