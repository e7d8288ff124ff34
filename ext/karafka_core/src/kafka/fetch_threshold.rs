//! From how many queued messages on librdkafka fetches no more of a partition (`queued.min.messages`), changed while the client
//! lives. librdkafka reads the number in its living configuration whenever it decides what to fetch (`rd_kafka_toppar_fetch_decide`),
//! and a partition above it is left out of the next request: nothing that was fetched is dropped, unlike with a pause. With 0
//! every partition is above it. `rd_kafka_conf_set` would take the change too, but not the 0, and only the 0 stops a client with
//! many empty partitions, each of which may have up to a fetch's worth.

use std::ffi::{c_char, CStr};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::OnceLock;

use rdkafka::bindings as sys;

const NAME: &CStr = c"queued.min.messages";
/// librdkafka's own upper limit.
const MOST: i32 = 10_000_000;
/// Two values that a configuration holds nowhere else.
const PROBES: [(&CStr, i32); 2] = [(c"7340149", 7_340_149), (c"8126467", 8_126_467)];
/// No configuration is larger (`RD_KAFKA_CONF_PROPS_IDX_MAX`, which librdkafka asserts).
const SIZE_LIMIT: usize = 64 * 33;

/// Valid while its client lives.
pub struct FetchThreshold {
    place: *const AtomicI32,
}

// SAFETY: it points to an integer that is only accessed atomically from here.
unsafe impl Send for FetchThreshold {}
// SAFETY: as above.
unsafe impl Sync for FetchThreshold {}

impl FetchThreshold {
    /// None where librdkafka keeps the number elsewhere than it is looked for: then the setting stays as it was given.
    ///
    /// # Safety
    /// `client` lives as long as the threshold is used.
    pub unsafe fn of(client: *mut sys::rd_kafka_t) -> Option<Self> {
        static OFFSET: OnceLock<Option<usize>> = OnceLock::new();
        let offset = (*OFFSET.get_or_init(find))?;
        // SAFETY: a living client's configuration has the layout of any other, which `find` has looked at.
        let place = unsafe { sys::rd_kafka_conf(client).cast::<u8>().add(offset).cast::<AtomicI32>() };
        Some(FetchThreshold { place })
    }

    /// From this many messages on nothing more is fetched of a partition.
    pub fn set(&self, messages: usize) {
        let messages = i32::try_from(messages).unwrap_or(MOST).min(MOST);
        // SAFETY: an aligned int of a living client. Its threads read it without a lock, one load a decision: they see the old
        // or the new number, and either is a valid one. Nothing else writes it once the client is made.
        unsafe { (*self.place).store(messages, Ordering::Relaxed) };
    }
}

/// The offset of the number in a configuration: where a value is found that was set by its name, and where a value that is
/// written is the one that librdkafka reads.
fn find() -> Option<usize> {
    // SAFETY: a fresh configuration, destroyed here. What is read of it is allocated and zeroed by librdkafka: the scan ends at
    // the number itself, which is somewhere in it.
    unsafe {
        let conf = sys::rd_kafka_conf_new();
        let found = PROBES.map(|(text, number)| offset_of(conf, text, number));
        let same = found[0].filter(|_| found[0] == found[1]);
        let place = same.filter(|offset| {
            (*conf.cast::<u8>().add(*offset).cast::<AtomicI32>()).store(0, Ordering::Relaxed);
            read(conf) == Some(0)
        });
        sys::rd_kafka_conf_destroy(conf);
        place
    }
}

/// # Safety
/// `conf` is a configuration of the caller's.
unsafe fn offset_of(conf: *mut sys::rd_kafka_conf_t, text: &CStr, number: i32) -> Option<usize> {
    let mut error = [0 as c_char; 128];
    // SAFETY: by contract; `error` outlives the call.
    let set = unsafe { sys::rd_kafka_conf_set(conf, NAME.as_ptr(), text.as_ptr(), error.as_mut_ptr(), error.len()) };
    // SAFETY: by contract.
    if set != sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK || unsafe { read(conf) } != Some(number) {
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
unsafe fn read(conf: *const sys::rd_kafka_conf_t) -> Option<i32> {
    let mut text = [0 as c_char; 32];
    let mut size = text.len();
    // SAFETY: by contract; `text` has room for `size` bytes and ends with a NUL.
    unsafe {
        let result = sys::rd_kafka_conf_get(conf, NAME.as_ptr(), text.as_mut_ptr(), &raw mut size);
        (result == sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK)
            .then(|| CStr::from_ptr(text.as_ptr()).to_str().ok()?.parse().ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_the_configuration_of_the_bundled_librdkafka() {
        assert!(find().is_some());
    }

    #[test]
    fn a_living_client_takes_it() {
        let client: rdkafka::consumer::BaseConsumer = rdkafka::ClientConfig::new()
            .set("group.id", "any")
            .create()
            .expect("a consumer");
        let client = rdkafka::consumer::Consumer::client(&client).native_ptr();
        // SAFETY: it lives to the end of this test.
        let threshold = unsafe { FetchThreshold::of(client) }.expect("found");
        // SAFETY: as above.
        let now = || unsafe { read(sys::rd_kafka_conf(client)) };
        for (given, taken) in [(7, 7), (0, 0), (usize::MAX, MOST)] {
            threshold.set(given);
            assert_eq!(now(), Some(taken));
        }
    }
}
