//! librdkafka's own knowledge of its settings: which exist, whose they are, which values are allowed.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};

use rdkafka::bindings as sys;
use rdkafka::config::ClientConfig;

use crate::error::{Error, Result};

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

/// Every setting of this librdkafka with its scope, read from the table it prints itself.
pub fn properties() -> BTreeMap<String, Scope> {
    let mut found = BTreeMap::new();
    for line in printed_table().lines() {
        let mut cells = line.split('|').map(str::trim);
        let (Some(name), Some(scope)) = (cells.next(), cells.next()) else {
            continue;
        };
        let scope = match scope {
            "C" => Scope::Consumer,
            "P" => Scope::Producer,
            "*" => Scope::Both,
            _ => continue,
        };
        // A topic-level setting repeats a global one now and then: the wider scope wins.
        let entry = found.entry(name.to_owned()).or_insert(scope);
        if *entry != scope {
            *entry = Scope::Both;
        }
    }
    found
}

fn printed_table() -> String {
    let mut buffer: *mut libc::c_char = std::ptr::null_mut();
    let mut size: libc::size_t = 0;
    // SAFETY: open_memstream gives a FILE that grows `buffer`; it is closed before the buffer is read and freed.
    unsafe {
        let file = libc::open_memstream(&mut buffer, &mut size);
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

/// Asks librdkafka about each setting alone; gives those it refuses with its reason.
pub fn check<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let mut refused = Vec::new();
    for (key, value) in settings {
        let (Ok(native_key), Ok(native_value)) = (CString::new(key), CString::new(value)) else {
            refused.push((key.to_owned(), "contains a NUL byte".to_owned()));
            continue;
        };
        let mut reason = [0 as libc::c_char; 512];
        // SAFETY: a fresh configuration, destroyed below; `reason` outlives the call.
        let result = unsafe {
            let conf = sys::rd_kafka_conf_new();
            let result = sys::rd_kafka_conf_set(
                conf,
                native_key.as_ptr(),
                native_value.as_ptr(),
                reason.as_mut_ptr(),
                reason.len(),
            );
            sys::rd_kafka_conf_destroy(conf);
            result
        };
        if result != sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
            // SAFETY: librdkafka wrote a NUL-terminated text into the zeroed array.
            let text = unsafe { CStr::from_ptr(reason.as_ptr()) };
            refused.push((key.to_owned(), text.to_string_lossy().into_owned()));
        }
    }
    refused
}

/// As `check`, and refuses settings of the other kind of client too.
pub fn check_for<'a>(role: Scope, given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let known = properties();
    let given: Vec<(&str, &str)> = given.into_iter().collect();
    let mut refused = check(given.iter().copied());
    for (name, _) in given {
        match known.get(name) {
            Some(Scope::Producer) if role == Scope::Consumer => {
                refused.push((name.to_owned(), "is a setting of producers only".to_owned()));
            }
            Some(Scope::Consumer) if role == Scope::Producer => {
                refused.push((name.to_owned(), "is a setting of consumers only".to_owned()));
            }
            _ => {}
        }
    }
    refused
}

/// A client configuration, or the first setting librdkafka refuses.
pub fn client_config(settings: &BTreeMap<String, String>) -> Result<ClientConfig> {
    if let Some((setting, reason)) = check(settings.iter().map(|(k, v)| (k.as_str(), v.as_str())))
        .into_iter()
        .next()
    {
        let value = settings.get(&setting).cloned().unwrap_or_default();
        return Err(Error::Config { setting, value, reason });
    }
    let mut config = ClientConfig::new();
    for (key, value) in settings {
        config.set(key, value);
    }
    Ok(config)
}

/// Version of librdkafka linked into this build.
pub fn librdkafka_version() -> String {
    // SAFETY: a static string.
    unsafe { CStr::from_ptr(sys::rd_kafka_version_str()) }
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_whose_a_setting_is() {
        let all = properties();
        assert_eq!(all.get("bootstrap.servers"), Some(&Scope::Both));
        assert_eq!(all.get("group.id"), Some(&Scope::Consumer));
        assert_eq!(all.get("linger.ms"), Some(&Scope::Producer));
        assert_eq!(all.get("auto.offset.reset"), Some(&Scope::Consumer));
        assert!(all.len() > 150, "{}", all.len());
    }

    #[test]
    fn refuses_what_librdkafka_refuses() {
        let refused = check([
            ("fetch.min.bytes", "1"),
            ("fetch.min.bites", "1"),
            ("acks", "many"),
            ("a\0b", "c"),
        ]);
        let keys: Vec<&str> = refused.iter().map(|(k, _)| k.as_str()).collect();
        assert_eq!(keys, ["fetch.min.bites", "acks", "a\0b"]);
    }
}
