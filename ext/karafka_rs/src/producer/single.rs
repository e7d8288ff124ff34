//! One message a call: the short way. The handle is one Ruby object and nothing else: its data pointer is the ticket
//! itself, so neither Ruby nor Rust allocates for it.

use std::ffi::{c_char, c_void};
use std::sync::OnceLock;

use karafka_core::produce::{Draft, Producer, Ticket};
use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::{function, gc, method, prelude::*, Error, RClass, RHash, RModule, RString, Ruby, Value};
use rb_sys::{rb_data_type_struct__bindgen_ty_1 as Functions, rb_data_type_t, ruby_value_type, VALUE};

use super::delivery::Delivery;
use super::gather::Keys;

/// Ruby's class of such handles; made known by `adopt`, never collected.
static CLASS: OnceLock<VALUE> = OnceLock::new();

struct DataType(rb_data_type_t);

// SAFETY: never changed; the pointers in it are to functions and to a static text.
unsafe impl Sync for DataType {}

static TYPE: DataType = DataType(rb_data_type_t {
    wrap_struct_name: c"WaterDrop::DeliveryHandle::Single".as_ptr().cast::<c_char>(),
    function: Functions {
        dmark: None,
        dfree: Some(free),
        dsize: Some(size),
        dcompact: None,
        reserved: [std::ptr::null_mut(); 1],
    },
    parent: std::ptr::null(),
    data: std::ptr::null_mut(),
    flags: rb_sys::rbimpl_typeddata_flags::RUBY_TYPED_FREE_IMMEDIATELY as VALUE
        | rb_sys::rbimpl_typeddata_flags::RUBY_TYPED_WB_PROTECTED as VALUE,
});

unsafe extern "C" fn free(data: *mut c_void) {
    // SAFETY: Ruby frees each object once; the pointer came from `into_raw`.
    drop(unsafe { Ticket::from_raw(data) });
}

unsafe extern "C" fn size(_data: *const c_void) -> rb_sys::size_t {
    // Its share of the set.
    32
}

/// A handle, or nil: the long way has to do it, and says what is wrong with it.
pub fn produce(core: &Producer, message: Value, max_payload_size: usize, tag: u64) -> Option<VALUE> {
    let class = *CLASS.get()?;
    let hash = RHash::from_value(message)?;
    let keys = Keys::known()?;
    let field = |key: u64| {
        // SAFETY: a Hash and Symbols; under the GVL. Looking a Symbol up runs no code of the user's.
        let value = unsafe { rb_sys::rb_hash_lookup2(hash.as_raw(), key, rb_sys::Qundef as VALUE) };
        (value != rb_sys::Qundef as VALUE).then_some(value)
    };
    let (topic, payload, key, partition) = (
        field(keys.topic)?,
        Some(field(keys.payload)?),
        field(keys.key),
        field(keys.partition),
    );
    let found = 1 + [payload, key, partition].iter().flatten().count();
    // Anything else in it is for the long way, also where it is wrong.
    if hash.len() != found {
        return None;
    }
    let topic = bytes(topic)??;
    let (payload, key) = (optional(payload)?, optional(key)?);
    let partition = match partition {
        None => None,
        Some(value) if value == rb_sys::Qnil as VALUE => None,
        // SAFETY: a live value on the stack.
        Some(value) => Some(magnus::Fixnum::from_value(unsafe { Value::from_raw(value) })?.to_i64()),
    };
    let draft = Draft {
        topic: Some(topic),
        payload,
        key,
        partition,
        ..Draft::default()
    };
    let ticket = core.send_single(&draft, max_payload_size, tag)?;
    // SAFETY: the class is one of ours without an allocator; the data belongs to the new object.
    Some(unsafe { rb_sys::rb_data_typed_object_wrap(class, ticket.into_raw().cast_mut(), &raw const TYPE.0) })
}

#[allow(clippy::option_option)]
fn optional<'a>(value: Option<VALUE>) -> Option<Option<&'a [u8]>> {
    value.map_or(Some(None), bytes)
}

/// None: neither a String nor nil. What it gives is read before any Ruby code runs, and the Hash keeps the String.
#[allow(clippy::option_option)]
fn bytes<'a>(value: VALUE) -> Option<Option<&'a [u8]>> {
    if value == rb_sys::Qnil as VALUE {
        return Some(None);
    }
    // SAFETY: any value has a type.
    if unsafe { rb_sys::RB_TYPE(value) } != ruby_value_type::RUBY_T_STRING {
        return None;
    }
    // SAFETY: a String; its bytes are read before any Ruby code runs, and the Hash keeps it.
    unsafe {
        let string = RString::from_value(Value::from_raw(value))?;
        let bytes = string.as_slice();
        Some(Some(std::slice::from_raw_parts(bytes.as_ptr(), bytes.len())))
    }
}

fn with_ticket<T>(handle: Value, look: impl FnOnce(&Ticket) -> T) -> T {
    // SAFETY: raises where it is another class's object; else the data is a ticket that lives as long as the object.
    unsafe {
        let data = rb_sys::rb_check_typeddata(handle.as_raw(), &raw const TYPE.0);
        look(&Ticket::borrow(data))
    }
}

fn delivery(handle: Value) -> Delivery {
    with_ticket(handle, |ticket| Delivery::new(&ticket.deliveries(), false))
}

fn index(handle: Value) -> usize {
    with_ticket(handle, Ticket::index)
}

fn serial(handle: Value) -> u64 {
    with_ticket(handle, Ticket::serial)
}

/// Makes the class known whose objects `produce_one` gives, and defines on it what it needs of the ticket.
fn adopt(ruby: &Ruby, class: RClass) -> Result<(), Error> {
    class.undef_default_alloc_func();
    class.define_method("delivery", method!(delivery, 0))?;
    class.define_method("index", method!(index, 0))?;
    class.define_method("serial", method!(serial, 0))?;
    Keys::get(ruby);
    gc::register_mark_object(class);
    let _ = CLASS.set(class.as_raw());
    Ok(())
}

pub fn define(native: RModule) -> Result<(), Error> {
    native.define_singleton_method("single_handles=", function!(adopt, 1))
}
