//! Messages out of the lines of a text, without a Ruby object for any of them.

use magnus::{method, prelude::*, Error, RClass, RHash, RString, Ruby, Value};

use super::{gather, invalid, raise, Producer};

impl Producer {
    /// As `produce` for a message out of each line of `text`. `common`: a message with what all of them have; its payload does not
    /// matter.
    fn produce_lines(
        ruby: &Ruby,
        rb_self: &Self,
        text: RString,
        common: RHash,
        queue_full_timeout_ms: i64,
        tag: u64,
    ) -> Result<Value, Error> {
        let empty = |expected| raise(ruby, rb_self.core.messages(rb_self.max_payload_size, expected));
        let gathered = match gather::messages(ruby, common.as_value(), empty)? {
            Ok(mut gathered) => {
                // SAFETY: copied at once, under the GVL, with no Ruby code in between.
                let text = unsafe { text.as_slice() };
                gathered.messages.spread(text).map(|()| gathered)
            }
            Err(refusal) => Err(refusal),
        };
        match gathered {
            Ok(gathered) => rb_self.enqueue(ruby, gathered, queue_full_timeout_ms, tag),
            Err(refusal) => Ok(invalid(ruby, refusal)),
        }
    }
}

pub fn define(class: RClass) -> Result<(), Error> {
    class.define_method("produce_lines", method!(Producer::produce_lines, 4))
}
