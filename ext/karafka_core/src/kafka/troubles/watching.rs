//! What librdkafka tells in call-backs only: when a broker is reached, and why a certificate was refused.

use std::ffi::{c_char, c_int, c_void, CStr};
use std::sync::Arc;

use rdkafka::bindings as sys;
use rdkafka::config::NativeClientConfig;
use rdkafka::types::RDKafkaRespErr;

use super::Troubles;
use crate::kafka::resolver::Family;

const NAME: &CStr = c"karafka";

impl Troubles {
    /// For a client that is about to be made. It must not outlive `self`.
    pub fn watch(self: &Arc<Self>, config: &NativeClientConfig) {
        self.state.lock().family = Family::named(&config.get("broker.address.family").unwrap_or_default());
        let opaque = Arc::as_ptr(self).cast_mut().cast();
        // SAFETY: the configuration is alive; `self` outlives the client, by the contract. Where the interceptor is refused,
        // nobody hears that a broker is back; nothing else depends on it.
        unsafe {
            sys::rd_kafka_conf_interceptor_add_on_new(config.ptr(), NAME.as_ptr(), Some(on_new), opaque);
            sys::rd_kafka_conf_set_ssl_cert_verify_cb(config.ptr(), Some(on_certificate));
        }
    }
}

unsafe extern "C" fn on_new(
    client: *mut sys::rd_kafka_t,
    _config: *const sys::rd_kafka_conf_t,
    opaque: *mut c_void,
    _text: *mut c_char,
    _size: usize,
) -> RDKafkaRespErr {
    // SAFETY: the client that is being made.
    unsafe { sys::rd_kafka_interceptor_add_on_broker_state_change(client, NAME.as_ptr(), Some(on_state), opaque) }
}

/// On a broker's thread, which holds a lock of librdkafka: nothing here calls back.
unsafe extern "C" fn on_state(
    _client: *mut sys::rd_kafka_t,
    _id: i32,
    _protocol: *const c_char,
    name: *const c_char,
    port: c_int,
    state: *const c_char,
    opaque: *mut c_void,
) -> RDKafkaRespErr {
    // SAFETY: librdkafka's own texts; what `watch` gave, which outlives the client.
    unsafe {
        if CStr::from_ptr(state) == c"UP" {
            let name = CStr::from_ptr(name).to_string_lossy();
            let troubles = &*opaque.cast_const().cast::<Troubles>();
            match port {
                0 => troubles.reached(&name),
                port => troubles.reached(&format!("{name}:{port}")),
            }
        }
    }
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// Decides nothing: OpenSSL's answer stands. It only writes down why a certificate is refused.
unsafe extern "C" fn on_certificate(
    _client: *mut sys::rd_kafka_t,
    broker: *const c_char,
    _id: i32,
    error: *mut c_int,
    _depth: c_int,
    _certificate: *const c_char,
    _size: usize,
    text: *mut c_char,
    text_size: usize,
    _opaque: *mut c_void,
) -> c_int {
    // SAFETY: librdkafka's arguments; what is written ends with NUL and fits.
    unsafe {
        if *error == 0 {
            return 1;
        }
        let broker = CStr::from_ptr(broker).to_string_lossy();
        let words = format!("the certificate of {broker} {}", refusal(*error));
        let size = words.len().min(text_size.saturating_sub(1));
        if text_size > 0 {
            std::ptr::copy_nonoverlapping(words.as_ptr(), text.cast(), size);
            *text.add(size) = 0;
        }
    }
    0
}

/// OpenSSL's numbers that people meet.
fn refusal(error: c_int) -> String {
    match error {
        9 => "is not valid yet".to_owned(),
        10 => "has expired".to_owned(),
        2 | 18 | 19 | 20 | 21 => "is signed by an unknown authority".to_owned(),
        62 | 64 => "is for another host name".to_owned(),
        23 => "was revoked".to_owned(),
        other => format!("was refused by OpenSSL with error {other}"),
    }
}
