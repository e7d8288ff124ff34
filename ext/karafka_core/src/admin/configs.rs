//! Settings of topics, brokers and groups.

use rdkafka::bindings as sys;
use serde::{Deserialize, Serialize};

use super::client::{Call, Client, Kind};
use super::names::{ALTERATIONS, RESOURCES, SOURCES};
use super::raw::{
    error_of, rd_kafka_ConfigEntry_source, rd_kafka_ConfigResource_add_incremental_config,
    rd_kafka_ConfigResource_error, rd_kafka_ConfigResource_new, rd_kafka_ConfigResource_type, rows, text,
};
use crate::error::{c_string, Error, KafkaError, Result};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedResource {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    /// `[operation, setting, value]`
    #[serde(default)]
    pub changes: Vec<(String, String, Option<String>)>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ConfigEntry {
    pub name: String,
    /// None: it has none, or is secret.
    pub value: Option<String>,
    pub default: bool,
    pub read_only: bool,
    pub sensitive: bool,
    pub synonym: bool,
    pub source: &'static str,
    pub synonyms: Vec<ConfigEntry>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ConfigResource {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub name: String,
    pub configs: Vec<ConfigEntry>,
}

/// librdkafka's object for one resource, with what is to be changed.
struct Made(*mut sys::rd_kafka_ConfigResource_t);

impl Made {
    fn new(resource: &NamedResource) -> Result<Self> {
        let name = c_string("name", &resource.name)?;
        let kind = RESOURCES.number(&resource.kind)?;
        // SAFETY: the name is copied; null where librdkafka refuses it.
        let made = unsafe { rd_kafka_ConfigResource_new(kind, name.as_ptr()) };
        if made.is_null() {
            return Err(Error::Config {
                setting: "name".to_owned(),
                value: resource.name.clone(),
                reason: "must be the name of a topic or a group, or the number of a broker".to_owned(),
            });
        }
        let made = Made(made);
        for (operation, name, value) in &resource.changes {
            let (setting, operation) = (c_string("setting", name)?, ALTERATIONS.number(operation)?);
            let value = value.as_ref().map(|value| c_string(name, value)).transpose()?;
            let value = value.as_ref().map_or(std::ptr::null(), |value| value.as_ptr());
            // SAFETY: ours; texts are copied. The error is ours.
            let refused = unsafe {
                let error = rd_kafka_ConfigResource_add_incremental_config(made.0, setting.as_ptr(), operation, value);
                KafkaError::from_native(error)
            };
            if let Some(error) = refused {
                return Err(Error::Config {
                    setting: name.clone(),
                    value: String::new(),
                    reason: error.message,
                });
            }
        }
        Ok(made)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_ConfigResource_destroy(self.0) }
    }
}

/// All settings of each, one question a resource.
pub fn describe(client: &Client, call: &Call, resources: &[NamedResource]) -> Result<Vec<ConfigResource>> {
    let made: Vec<Made> = resources.iter().map(Made::new).collect::<Result<_>>()?;
    let kind = Kind::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
    let events = client.ask_all(call, kind, made.len(), |index, question| {
        let mut resource = made[index].0;
        let (options, queue) = (question.options(), question.queue());
        // SAFETY: a living client; the resource is copied.
        unsafe { sys::rd_kafka_DescribeConfigs(question.client(), &mut resource, 1, options, queue) };
        Ok(())
    })?;
    let mut found = Vec::new();
    for event in &events {
        if let Some(error) = event.error() {
            return Err(call.failed(error));
        }
        let mut count = 0;
        // SAFETY: an answer of this kind; everything in it lives as long as it.
        unsafe {
            let result = sys::rd_kafka_event_DescribeConfigs_result(event.as_ptr());
            let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &mut count);
            for resource in rows(resources, count) {
                check(call, *resource)?;
                found.push(description(*resource));
            }
        }
    }
    Ok(found)
}

/// Changes what is named and nothing else. All or nothing for each resource.
pub fn alter(client: &Client, call: &Call, resources: &[NamedResource], validate_only: bool) -> Result<()> {
    let made: Vec<Made> = resources.iter().map(Made::new).collect::<Result<_>>()?;
    let kind = Kind::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS;
    let events = client.ask_all(call, kind, made.len(), |index, question| {
        question.validate_only(validate_only);
        let mut resource = made[index].0;
        let (options, queue) = (question.options(), question.queue());
        // SAFETY: a living client; the resource is copied.
        unsafe { sys::rd_kafka_IncrementalAlterConfigs(question.client(), &mut resource, 1, options, queue) };
        Ok(())
    })?;
    for event in &events {
        if let Some(error) = event.error() {
            return Err(call.failed(error));
        }
        let mut count = 0;
        // SAFETY: as in `describe`.
        unsafe {
            let result = sys::rd_kafka_event_IncrementalAlterConfigs_result(event.as_ptr());
            let resources = sys::rd_kafka_IncrementalAlterConfigs_result_resources(result, &mut count);
            rows(resources, count)
                .iter()
                .try_for_each(|resource| check(call, *resource))?;
        }
    }
    Ok(())
}

/// # Safety
/// A living resource of an answer.
unsafe fn check(call: &Call, resource: *const sys::rd_kafka_ConfigResource_t) -> Result<()> {
    // SAFETY: by contract.
    unsafe {
        let words = sys::rd_kafka_ConfigResource_error_string(resource);
        match error_of(rd_kafka_ConfigResource_error(resource), words) {
            Some(mut error) => {
                if rd_kafka_ConfigResource_type(resource) == RESOURCES.number("topic")? {
                    error.topic = text(sys::rd_kafka_ConfigResource_name(resource));
                }
                Err(call.failed(error))
            }
            None => Ok(()),
        }
    }
}

/// # Safety
/// A living resource of an answer.
unsafe fn description(resource: *const sys::rd_kafka_ConfigResource_t) -> ConfigResource {
    let mut count = 0;
    // SAFETY: by contract.
    unsafe {
        let entries = sys::rd_kafka_ConfigResource_configs(resource, &mut count);
        let mut configs: Vec<_> = rows(entries, count).iter().map(|row| entry(*row)).collect();
        configs.sort_by(|one, other| one.name.cmp(&other.name));
        ConfigResource {
            kind: RESOURCES.name(rd_kafka_ConfigResource_type(resource)),
            name: text(sys::rd_kafka_ConfigResource_name(resource)).unwrap_or_default(),
            configs,
        }
    }
}

/// # Safety
/// A living entry.
unsafe fn entry(row: *const sys::rd_kafka_ConfigEntry_t) -> ConfigEntry {
    let mut count = 0;
    // SAFETY: by contract; synonyms have none of their own.
    unsafe {
        let synonyms = sys::rd_kafka_ConfigEntry_synonyms(row, &mut count);
        ConfigEntry {
            name: text(sys::rd_kafka_ConfigEntry_name(row)).unwrap_or_default(),
            value: text(sys::rd_kafka_ConfigEntry_value(row)),
            default: sys::rd_kafka_ConfigEntry_is_default(row) == 1,
            read_only: sys::rd_kafka_ConfigEntry_is_read_only(row) == 1,
            sensitive: sys::rd_kafka_ConfigEntry_is_sensitive(row) == 1,
            synonym: sys::rd_kafka_ConfigEntry_is_synonym(row) == 1,
            source: SOURCES.name(rd_kafka_ConfigEntry_source(row)),
            synonyms: rows(synonyms, count).iter().map(|row| entry(*row)).collect(),
        }
    }
}
