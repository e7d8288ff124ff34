//! `Karafka::Native::Admin`. Crossings: one a request, with all of its answer.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::time::Duration;

use karafka_core::admin::{Admin as Core, Request};
use karafka_core::error::Error as CoreError;
use magnus::{function, method, prelude::*, Error, RHash, RModule, Ruby, Value};

use crate::helpers::{class, errors, gvl};

#[magnus::wrap(class = "Karafka::Native::Admin", free_immediately)]
struct Admin(RefCell<Option<ManuallyDrop<Core>>>);

impl Drop for Admin {
    /// Only hands over, as librdkafka waits for its threads: the garbage collector must not.
    fn drop(&mut self) {
        let Some(core) = self.0.get_mut().take().filter(|core| !core.is_foreign()) else {
            return;
        };
        let closing = std::thread::Builder::new().name("krs.admin".to_owned());
        let _left_behind = closing.spawn(move || ManuallyDrop::into_inner(core).close());
    }
}

impl Admin {
    /// kafka: {String => String}, settings that consumers and producers share.
    fn new(ruby: &Ruby, kafka: RHash) -> Result<Self, Error> {
        let core = Core::new(&kafka.to_btree_map()?).map_err(|error| errors::raise(ruby, error))?;
        Ok(Admin(RefCell::new(Some(ManuallyDrop::new(core)))))
    }

    /// request: { "name" => { … } } as `karafka_core::admin::Request` has it. What is interrupted ends with `close`.
    fn ask(ruby: &Ruby, rb_self: &Self, request: Value, timeout_ms: u64) -> Result<Value, Error> {
        let request: Request = serde_magnus::deserialize(ruby, request)?;
        let core = rb_self.0.borrow().as_ref().map(|core| Core::clone(core));
        let core = core.ok_or_else(|| errors::raise(ruby, CoreError::Closed))?;
        let within = Duration::from_millis(timeout_ms);
        let answer = gvl::interruptible(ruby, move || core.ask(request, within))?;
        serde_magnus::serialize(ruby, &answer)
    }

    /// [code, text] of what keeps it from its brokers, or did within that many milliseconds.
    fn trouble(ruby: &Ruby, rb_self: &Self, within_ms: u64) -> Option<(magnus::Symbol, String)> {
        let core = rb_self.0.borrow();
        let core = core.as_ref().filter(|core| !core.is_foreign())?;
        let (code, text) = core.trouble(Duration::from_millis(within_ms))?;
        Some((ruby.to_symbol(code), text))
    }

    fn close(ruby: &Ruby, rb_self: &Self) -> Result<(), Error> {
        let core = rb_self.0.borrow_mut().take();
        let Some(core) = core.filter(|core| !core.is_foreign()) else {
            return Ok(());
        };
        gvl::interruptible(ruby, move || {
            ManuallyDrop::into_inner(core).close();
            Ok(())
        })
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<Admin>(ruby, native, "Admin")?;
    class.define_singleton_method("new", function!(Admin::new, 1))?;
    class.define_method("ask", method!(Admin::ask, 2))?;
    class.define_method("trouble", method!(Admin::trouble, 1))?;
    class.define_method("close", method!(Admin::close, 0))?;
    Ok(())
}
