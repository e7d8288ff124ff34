//! Reads Hashes into the core's messages, under the GVL and without running any Ruby code of the user's.

use std::sync::OnceLock;

use karafka_core::produce::{Draft, Invalid, Messages};
use magnus::r_hash::ForEach;
use magnus::rb_sys::AsRawValue;
use magnus::{prelude::*, Error, Integer, RArray, RHash, RString, Ruby, StaticSymbol, Symbol, Value};

pub struct Gathered {
    pub messages: Messages,
    /// Some message has a `:label`.
    pub labelled: bool,
    /// An Integer `:timestamp` that was surely meant in seconds.
    pub early: Option<i64>,
}

/// The year 2000, in milliseconds. What is before it as milliseconds is later than 2000 as seconds.
const EARLY_MS: i64 = 946_684_800_000;

/// What a message may have, as raw symbols. Static symbols are immediate values: nothing for the GC to know of.
pub struct Keys {
    pub topic: u64,
    pub payload: u64,
    pub key: u64,
    pub partition: u64,
    partition_key: u64,
    timestamp: u64,
    headers: u64,
    label: u64,
}

static KEYS: OnceLock<Keys> = OnceLock::new();

impl Keys {
    /// None: nobody has asked `get` yet.
    pub fn known() -> Option<&'static Keys> {
        KEYS.get()
    }

    pub fn get(ruby: &Ruby) -> &'static Keys {
        KEYS.get_or_init(|| {
            let raw = |name| StaticSymbol::as_raw(ruby.sym_new(name));
            Keys {
                topic: raw("topic"),
                payload: raw("payload"),
                key: raw("key"),
                partition: raw("partition"),
                partition_key: raw("partition_key"),
                timestamp: raw("timestamp"),
                headers: raw("headers"),
                label: raw("label"),
            }
        })
    }
}

type Checked<T> = Result<T, Invalid>;

/// The index of the message that can't be taken, and why.
pub type Refusal = (usize, Invalid);

/// `source` is one Hash or an Array of them.
/// They are filled into what `empty(expected count)` gives.
pub fn messages(
    ruby: &Ruby,
    source: Value,
    empty: impl FnOnce(usize) -> Result<Messages, Error>,
) -> Result<Result<Gathered, Refusal>, Error> {
    let keys = Keys::get(ruby);
    if let Some(hash) = RHash::from_value(source) {
        let mut gathered = Gathered {
            messages: empty(1)?,
            labelled: false,
            early: None,
        };
        let result = gathered.add(ruby, keys, hash)?;
        return Ok(result.map(|()| gathered).map_err(|invalid| (0, invalid)));
    }
    let Some(array) = RArray::from_value(source) else {
        return Ok(Err((
            0,
            Invalid::new("message", format!("must be a Hash, not {}", class_of(source))),
        )));
    };
    let mut gathered = Gathered {
        messages: empty(array.len())?,
        labelled: false,
        early: None,
    };
    let mut index = 0;
    // By index and looked up anew each time: nothing is borrowed from the Array.
    while index < array.len() {
        let item: Value = array.entry(index as isize)?;
        let result = match RHash::from_value(item) {
            Some(hash) => gathered.add(ruby, keys, hash)?,
            None => Err(Invalid::new(
                "message",
                format!("must be a Hash, not {}", class_of(item)),
            )),
        };
        if let Err(invalid) = result {
            return Ok(Err((index, invalid)));
        }
        index += 1;
    }
    Ok(Ok(gathered))
}

/// The values of one Hash. They live on the stack, where the GC finds them and leaves them in place.
struct Fields {
    topic: Option<Value>,
    payload: Option<Value>,
    has_payload: bool,
    key: Option<Value>,
    partition: Option<Value>,
    partition_key: Option<Value>,
    timestamp: Option<Value>,
    headers: Option<Value>,
    label: bool,
    stray: Option<Value>,
}

impl Gathered {
    fn add(&mut self, ruby: &Ruby, keys: &Keys, hash: RHash) -> Result<Checked<()>, Error> {
        let mut fields = Fields {
            topic: None,
            payload: None,
            has_payload: false,
            key: None,
            partition: None,
            partition_key: None,
            timestamp: None,
            headers: None,
            label: false,
            stray: None,
        };
        hash.foreach(|name: Value, value: Value| {
            let value = if value.is_nil() { None } else { Some(value) };
            match name.as_raw() {
                raw if raw == keys.topic => fields.topic = value,
                raw if raw == keys.payload => (fields.payload, fields.has_payload) = (value, true),
                raw if raw == keys.key => fields.key = value,
                raw if raw == keys.partition => fields.partition = value,
                raw if raw == keys.partition_key => fields.partition_key = value,
                raw if raw == keys.timestamp => fields.timestamp = value,
                raw if raw == keys.headers => fields.headers = value,
                raw if raw == keys.label => fields.label |= value.is_some(),
                _ => fields.stray = Some(name),
            }
            Ok(ForEach::Continue)
        })?;
        self.labelled |= fields.label;
        Ok(self.push(ruby, &fields))
    }

    fn push(&mut self, ruby: &Ruby, fields: &Fields) -> Checked<()> {
        if let Some(stray) = fields.stray {
            let known = "topic, payload, key, partition, partition_key, timestamp, headers and label (Symbols)";
            let reason = format!("has the unknown key {}; a message has {known}", stray.inspect());
            return Err(Invalid::new("message", reason));
        }
        if !fields.has_payload && fields.topic.is_some() {
            let reason = "is missing: a message needs the key :payload. With nil it is a tombstone, which deletes what has its key";
            return Err(Invalid::new("payload", reason));
        }
        // First, as it may allocate: nothing is borrowed from a String yet.
        let timestamp_ms = fields.timestamp.map(|value| timestamp(ruby, value)).transpose()?;
        if let (Some(ms), Some(value)) = (timestamp_ms, fields.timestamp) {
            if ms < EARLY_MS && Integer::from_value(value).is_some() {
                self.early = Some(ms);
            }
        }
        let partition = fields.partition.map(partition).transpose()?;
        let topic = fields.topic.map(|value| name("topic", value)).transpose()?;
        let payload = fields.payload.map(|value| string("payload", value)).transpose()?;
        let key = fields.key.map(|value| string("key", value)).transpose()?;
        let partition_key = fields
            .partition_key
            .map(|value| string("partition_key", value))
            .transpose()?;
        if let Some(headers) = fields.headers {
            self.headers(ruby, headers)?;
        }
        self.messages.push(&Draft {
            topic: topic.as_ref().map(bytes),
            payload: payload.as_ref().map(bytes),
            key: key.as_ref().map(bytes),
            partition_key: partition_key.as_ref().map(bytes),
            partition,
            timestamp_ms,
        })
    }

    fn headers(&mut self, ruby: &Ruby, value: Value) -> Checked<()> {
        let Some(hash) = RHash::from_value(value) else {
            return Err(Invalid::new(
                "headers",
                format!("must be a Hash, not {}", class_of(value)),
            ));
        };
        if !hash.class().equal(ruby.class_hash()).unwrap_or(false) {
            if let Some(pairs) = in_order(hash)? {
                return self.pairs(pairs);
            }
        }
        let mut result = Ok(());
        let walked = hash.foreach(|header: Value, value: Value| {
            result = self.header(header, value);
            Ok(if result.is_ok() {
                ForEach::Continue
            } else {
                ForEach::Stop
            })
        });
        walked.map_err(|error| Invalid::new("headers", error.to_string()))?;
        result
    }

    /// Headers of a message that is passed on, see Karafka::Messages::PassedHeaders.
    fn pairs(&mut self, pairs: RArray) -> Checked<()> {
        let wrong = |error: Error| Invalid::new("headers", error.to_string());
        for index in 0..pairs.len() {
            let (name, value): (Value, Value) = pairs.entry(index as isize).map_err(wrong)?;
            self.header(name, value)?;
        }
        Ok(())
    }

    fn header(&mut self, header: Value, value: Value) -> Checked<()> {
        let name = name("headers", header)?;
        let Some(list) = RArray::from_value(value) else {
            let value = header_value(value)?;
            return self.messages.header(bytes(&name), value.as_ref().map(bytes));
        };
        let mut index = 0;
        while index < list.len() {
            let item: Value = list
                .entry(index as isize)
                .map_err(|error| Invalid::new("headers", error.to_string()))?;
            let item = header_value(item)?;
            self.messages.header(bytes(&name), item.as_ref().map(bytes))?;
            index += 1;
        }
        Ok(())
    }
}

fn in_order(headers: RHash) -> Checked<Option<RArray>> {
    if !headers.respond_to("karafka_pairs", false).unwrap_or(false) {
        return Ok(None);
    }
    headers
        .funcall("karafka_pairs", ())
        .map(Some)
        .map_err(|error: Error| Invalid::new("headers", error.to_string()))
}

fn header_value(value: Value) -> Checked<Option<RString>> {
    if value.is_nil() {
        return Ok(None);
    }
    match RString::from_value(value) {
        Some(string) => Ok(Some(string)),
        None => {
            let reason = format!(
                "must have values that are a String, nil or an Array of these, not {}",
                class_of(value)
            );
            Err(Invalid::new("headers", reason))
        }
    }
}

fn string(field: &'static str, value: Value) -> Checked<RString> {
    RString::from_value(value)
        .ok_or_else(|| Invalid::new(field, format!("must be a String or nil, not {}", class_of(value))))
}

/// A String or a Symbol.
fn name(field: &'static str, value: Value) -> Checked<RString> {
    if let Some(string) = RString::from_value(value) {
        return Ok(string);
    }
    let symbol = Symbol::from_value(value).and_then(|symbol| symbol.to_r_string().ok());
    symbol.ok_or_else(|| {
        let what = if field == "headers" {
            "must have names that are a String"
        } else {
            "must be a String"
        };
        Invalid::new(field, format!("{what}, not {}", class_of(value)))
    })
}

fn partition(value: Value) -> Checked<i64> {
    let number = Integer::from_value(value).and_then(|number| number.to_i64().ok());
    number.ok_or_else(|| Invalid::new("partition", format!("must be an Integer, not {}", value.inspect())))
}

/// Milliseconds, of an Integer or a Time.
fn timestamp(ruby: &Ruby, value: Value) -> Checked<i64> {
    let wrong = || {
        Invalid::new(
            "timestamp",
            format!("must be a Time or milliseconds (Integer), not {}", value.inspect()),
        )
    };
    if let Some(number) = Integer::from_value(value) {
        return number.to_i64().map_err(|_| wrong());
    }
    let class: magnus::RClass = ruby.class_object().const_get("Time").map_err(|_| wrong())?;
    let time = if value.is_kind_of(class) {
        magnus::Time::from_value(value)
    } else if value.funcall("is_a?", (class,)).unwrap_or(false) {
        // ActiveSupport's times with a zone only say that they are one.
        value.funcall("to_time", ()).ok().and_then(magnus::Time::from_value)
    } else {
        None
    };
    let time = time.ok_or_else(wrong)?;
    let spec = time.timespec().map_err(|_| wrong())?;
    // Ruby has times that milliseconds in 64 bits have not.
    spec.tv_sec
        .checked_mul(1000)
        .and_then(|ms| ms.checked_add(spec.tv_nsec / 1_000_000))
        .ok_or_else(wrong)
}

fn bytes(string: &RString) -> &[u8] {
    // SAFETY: copied before any Ruby code runs or anything is allocated on Ruby's heap, and under the GVL all along.
    unsafe { string.as_slice() }
}

fn class_of(value: Value) -> String {
    // SAFETY: the name is copied at once.
    unsafe { value.classname() }.into_owned()
}
