//! librdkafka's own table of its settings, as it prints it.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::OnceLock;

use rdkafka::bindings as sys;

/// Which client a setting belongs to, in librdkafka's notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Consumer,
    Producer,
    Both,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Consumer => "C",
            Scope::Producer => "P",
            Scope::Both => "*",
        }
    }
}

/// What a value has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Float,
    /// One or several words of a list, true or false.
    Words,
    /// Anything, which may be secret.
    Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    pub scope: Scope,
    pub kind: Kind,
    /// What it may be, such as `1 .. 3600000`; empty where anything goes.
    pub range: String,
    pub default: String,
    /// The setting that this is another name of.
    pub alias_of: Option<String>,
}

pub type Table = BTreeMap<String, Property>;

/// Every setting of this librdkafka.
pub fn properties() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| parse(&print()))
}

/// The main one of a setting's names.
pub fn main_name(name: &str) -> &str {
    let property = properties().get(name);
    property.and_then(|it| it.alias_of.as_deref()).unwrap_or(name)
}

fn parse(text: &str) -> Table {
    let mut found = Table::new();
    for (name, property) in text.lines().filter_map(row) {
        // A setting of topics repeats one of clients now and then: the wider scope holds, and the first range.
        let scope = property.scope;
        let entry = found.entry(name).or_insert(property);
        if entry.scope != scope {
            entry.scope = Scope::Both;
        }
    }
    found
}

/// `name | scope | range | default | importance | description <br>*Type: integer*`
fn row(line: &str) -> Option<(String, Property)> {
    let mut cells = line.split('|').map(str::trim);
    let (name, scope) = (cells.next()?, cells.next()?);
    let scope = match scope {
        "C" => Scope::Consumer,
        "P" => Scope::Producer,
        "*" => Scope::Both,
        _ => return None,
    };
    let (range, default) = (cells.next()?.to_owned(), cells.next()?.to_owned());
    let kind = match line.rsplit_once("*Type: ").map(|(_, kind)| kind.trim_end_matches('*')) {
        Some("integer") => Kind::Integer,
        Some("float") => Kind::Float,
        _ if !range.is_empty() => Kind::Words,
        _ => Kind::Text,
    };
    let alias = line
        .split_once("Alias for `")
        .and_then(|(_, rest)| rest.split_once('`'));
    let property = Property {
        scope,
        kind,
        range,
        default,
        alias_of: alias.map(|(main, _)| main.to_owned()),
    };
    Some((name.to_owned(), property))
}

fn print() -> String {
    let mut buffer: *mut libc::c_char = std::ptr::null_mut();
    let mut size: libc::size_t = 0;
    // SAFETY: open_memstream gives a FILE that grows `buffer`; it is closed before the buffer is read and freed.
    unsafe {
        let file = libc::open_memstream(&raw mut buffer, &raw mut size);
        if file.is_null() {
            return String::new();
        }
        sys::rd_kafka_conf_properties_show(file.cast());
        libc::fclose(file);
        let text = CStr::from_ptr(buffer).to_string_lossy().into_owned();
        libc::free(buffer.cast());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_whose_a_setting_is() {
        let scope = |name: &str| properties().get(name).map(|it| it.scope);
        assert_eq!(scope("bootstrap.servers"), Some(Scope::Both));
        assert_eq!(scope("group.id"), Some(Scope::Consumer));
        assert_eq!(scope("linger.ms"), Some(Scope::Producer));
        assert_eq!(scope("auto.offset.reset"), Some(Scope::Consumer));
        assert!(properties().len() > 150, "{}", properties().len());
    }

    #[test]
    fn knows_what_a_value_looks_like_and_which_names_are_one_setting() {
        let kind = |name: &str| properties().get(name).map(|it| it.kind);
        assert_eq!(kind("session.timeout.ms"), Some(Kind::Integer));
        assert_eq!(kind("linger.ms"), Some(Kind::Float));
        assert_eq!(kind("isolation.level"), Some(Kind::Words));
        assert_eq!(kind("enable.idempotence"), Some(Kind::Words));
        assert_eq!(kind("sasl.password"), Some(Kind::Text));
        assert_eq!(properties()["session.timeout.ms"].range, "1 .. 3600000");
        assert_eq!(main_name("acks"), "request.required.acks");
        assert_eq!(main_name("bootstrap.servers"), "metadata.broker.list");
        assert_eq!(main_name("linger.ms"), "queue.buffering.max.ms");
        assert_eq!(main_name("session.timeout.ms"), "session.timeout.ms");
        assert_eq!(main_name("no.such"), "no.such");
        // Each alias is one of a setting that exists.
        for property in properties().values() {
            assert!(property
                .alias_of
                .as_ref()
                .is_none_or(|main| properties().contains_key(main)));
        }
    }
}
