//! What a client of librdkafka asks and is answered, for those who have to know. The client counts a reference to the listener from
//! its creation to its end.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void, CStr};
use std::sync::Arc;

use rdkafka::bindings as sys;
use rdkafka::config::NativeClientConfig;
use rdkafka::types::RDKafkaRespErr;

thread_local! {
    /// This thread of librdkafka's has the connection to a broker.
    static IS_BROKERS: Cell<bool> = const { Cell::new(false) };
}

const DONE: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;

/// Called on threads of librdkafka's, for each request of the client: it must be quick and must not call librdkafka.
pub trait Listener: Send + Sync + 'static {
    /// librdkafka keeps interceptors of one client apart by their names.
    const NAME: &'static CStr;
    /// Whether `sent` is called at all.
    const HEARS_REQUESTS: bool = false;

    /// A request was just sent on this socket, which is open and stays librdkafka's.
    fn sent(&self, _socket: c_int, _api_key: i16) {}

    /// A broker has answered, or did not in time. Once for each request, before librdkafka looks at the answer itself.
    fn answered(&self, node: i32, api_key: i16, error: RDKafkaRespErr);
}

/// Has the client of this configuration report to `listener`.
pub fn listen<L: Listener>(listener: &Arc<L>, config: &NativeClientConfig) {
    let opaque = Arc::as_ptr(listener).cast_mut().cast();
    // SAFETY: the configuration is ours until the client takes it; the client counts a reference of its own when it is made.
    unsafe { sys::rd_kafka_conf_interceptor_add_on_new(config.ptr(), L::NAME.as_ptr(), Some(on_new::<L>), opaque) };
}

unsafe extern "C" fn on_new<L: Listener>(
    rk: *mut sys::rd_kafka_t,
    _: *const sys::rd_kafka_conf_t,
    opaque: *mut c_void,
    _: *mut c_char,
    _: usize,
) -> RDKafkaRespErr {
    let name = L::NAME.as_ptr();
    // SAFETY: whoever makes the client holds the listener meanwhile; the reference counted here is given back in `on_destroy`.
    unsafe {
        Arc::increment_strong_count(opaque.cast::<L>());
        sys::rd_kafka_interceptor_add_on_destroy(rk, name, Some(on_destroy::<L>), opaque);
        sys::rd_kafka_interceptor_add_on_thread_start(rk, name, Some(on_thread), opaque);
        if L::HEARS_REQUESTS {
            sys::rd_kafka_interceptor_add_on_request_sent(rk, name, Some(on_request::<L>), opaque);
        }
        sys::rd_kafka_interceptor_add_on_response_received(rk, name, Some(on_response::<L>), opaque)
    }
}

unsafe extern "C" fn on_destroy<L: Listener>(_: *mut sys::rd_kafka_t, opaque: *mut c_void) -> RDKafkaRespErr {
    // SAFETY: counted in `on_new`; the client calls nothing with it any more.
    unsafe { Arc::decrement_strong_count(opaque.cast::<L>()) };
    DONE
}

unsafe extern "C" fn on_thread(
    _: *mut sys::rd_kafka_t,
    kind: sys::rd_kafka_thread_type_t,
    _: *const c_char,
    _: *mut c_void,
) -> RDKafkaRespErr {
    IS_BROKERS.set(kind == sys::rd_kafka_thread_type_t::RD_KAFKA_THREAD_BROKER);
    DONE
}

#[allow(clippy::too_many_arguments)]
unsafe extern "C" fn on_request<L: Listener>(
    _: *mut sys::rd_kafka_t,
    socket: c_int,
    _: *const c_char,
    _: i32,
    api_key: i16,
    _: i16,
    _: i32,
    _: usize,
    opaque: *mut c_void,
) -> RDKafkaRespErr {
    // SAFETY: the client holds a reference until `on_destroy`.
    unsafe { (*opaque.cast::<L>()).sent(socket, api_key) };
    DONE
}

#[allow(clippy::too_many_arguments)]
unsafe extern "C" fn on_response<L: Listener>(
    _: *mut sys::rd_kafka_t,
    _: c_int,
    _: *const c_char,
    node: i32,
    api_key: i16,
    _: i16,
    _: i32,
    _: usize,
    _: i64,
    error: RDKafkaRespErr,
    opaque: *mut c_void,
) -> RDKafkaRespErr {
    // An answer that another thread waits for is reported twice: when it arrives, and when that thread looks at it.
    if IS_BROKERS.get() {
        // SAFETY: the client holds a reference until `on_destroy`.
        unsafe { (*opaque.cast::<L>()).answered(node, api_key, error) };
    }
    DONE
}
