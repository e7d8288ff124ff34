//! Rights of users.

use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;
use serde::{Deserialize, Serialize};

use super::client::{Call, Client, Kind};
use super::names::{OPERATIONS, PATTERNS, PERMISSIONS, RESOURCES};
use super::raw::{
    borrowed_error, rd_kafka_AclBindingFilter_new, rd_kafka_AclBinding_new, rd_kafka_AclBinding_operation,
    rd_kafka_AclBinding_permission_type, rd_kafka_AclBinding_resource_pattern_type, rd_kafka_AclBinding_restype, rows,
    text,
};
use crate::error::{c_string, Error, KafkaError, Result};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acl {
    pub resource_type: &'static str,
    pub resource_name: Option<String>,
    pub resource_pattern_type: &'static str,
    pub principal: Option<String>,
    pub host: Option<String>,
    pub operation: &'static str,
    pub permission_type: &'static str,
}

/// A rule that is to be made, or which rules are meant: None matches any name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AclFilter {
    pub resource_type: String,
    pub resource_name: Option<String>,
    pub resource_pattern_type: String,
    pub principal: Option<String>,
    pub host: Option<String>,
    pub operation: String,
    pub permission_type: String,
}

/// librdkafka's object for a rule or a filter.
struct Made(*mut sys::rd_kafka_AclBinding_t);

impl Made {
    fn new(rule: &AclFilter, is_filter: bool) -> Result<Self> {
        let string = |what: &str, text: &Option<String>| text.as_ref().map(|text| c_string(what, text)).transpose();
        let name = string("resource_name", &rule.resource_name)?;
        let (principal, host) = (string("principal", &rule.principal)?, string("host", &rule.host)?);
        let pointer = |text: &Option<std::ffi::CString>| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
        let mut words = [0 as libc::c_char; 512];
        let make = match is_filter {
            true => rd_kafka_AclBindingFilter_new,
            false => rd_kafka_AclBinding_new,
        };
        // SAFETY: texts are copied; null where librdkafka refuses one, with a text that ends with NUL.
        let (made, refusal) = unsafe {
            let made = make(
                RESOURCES.number(&rule.resource_type)?,
                pointer(&name),
                PATTERNS.number(&rule.resource_pattern_type)?,
                pointer(&principal),
                pointer(&host),
                OPERATIONS.number(&rule.operation)?,
                PERMISSIONS.number(&rule.permission_type)?,
                words.as_mut_ptr(),
                words.len(),
            );
            (made, text(words.as_ptr()))
        };
        if made.is_null() {
            return Err(Error::Config {
                setting: "acl".to_owned(),
                value: rule.resource_name.clone().unwrap_or_default(),
                reason: refusal.unwrap_or_default(),
            });
        }
        Ok(Made(made))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_AclBinding_destroy(self.0) }
    }
}

pub fn create(client: &Client, call: &Call, rule: &AclFilter) -> Result<()> {
    let made = Made::new(rule, false)?;
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_CREATEACLS, |question| {
        let mut rule = made.0;
        // SAFETY: a living client; the rule is copied.
        unsafe { sys::rd_kafka_CreateAcls(question.client(), &mut rule, 1, question.options(), question.queue()) };
        Ok(())
    })?;
    let mut count = 0;
    // SAFETY: an answer of this kind, which is alive.
    let error = unsafe {
        let result = sys::rd_kafka_event_CreateAcls_result(event.as_ptr());
        let acls = sys::rd_kafka_CreateAcls_result_acls(result, &mut count);
        rows(acls, count)
            .iter()
            .find_map(|acl| borrowed_error(sys::rd_kafka_acl_result_error(*acl)))
    };
    error.map_or(Ok(()), |error| Err(call.failed(error)))
}

pub fn describe(client: &Client, call: &Call, filter: &AclFilter) -> Result<Vec<Acl>> {
    let made = Made::new(filter, true)?;
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DESCRIBEACLS, |question| {
        // SAFETY: a living client; the filter is copied.
        unsafe { sys::rd_kafka_DescribeAcls(question.client(), made.0, question.options(), question.queue()) };
        Ok(())
    })?;
    let mut count = 0;
    // SAFETY: an answer of this kind; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DescribeAcls_result(event.as_ptr());
        let acls = sys::rd_kafka_DescribeAcls_result_acls(result, &mut count);
        if count == 0 {
            check_right(client, call)?;
        }
        Ok(rows(acls, count).iter().map(|acl| acl_of(*acl)).collect())
    }
}

/// librdkafka (2.12.1) forgets the error of a refused DescribeAcls and answers with no rules.
fn check_right(client: &Client, call: &Call) -> Result<()> {
    // It crashes on the answer of a cluster without an id.
    if client.cluster_id(Duration::ZERO).is_none() {
        return Ok(());
    }
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, |question| {
        // SAFETY: a living client; the error is ours to free, or null.
        unsafe {
            let refused = sys::rd_kafka_AdminOptions_set_include_authorized_operations(question.options(), 1);
            drop(KafkaError::from_native(refused));
            sys::rd_kafka_DescribeCluster(question.client(), question.options(), question.queue());
        }
        Ok(())
    })?;
    let mut count = 0;
    // SAFETY: an answer of this kind, which is alive; enums are ints in C.
    let rights = unsafe {
        let result = sys::rd_kafka_event_DescribeCluster_result(event.as_ptr());
        let rights = sys::rd_kafka_DescribeCluster_result_authorized_operations(result, &mut count).cast::<i32>();
        match rights.is_null() {
            true => return Ok(()),
            false => std::slice::from_raw_parts(rights, count),
        }
    };
    match rights.contains(&OPERATIONS.number("describe")?) {
        true => Ok(()),
        false => Err(call.failed(KafkaError::from_code(
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
        ))),
    }
}

/// Those that were deleted.
pub fn delete(client: &Client, call: &Call, filter: &AclFilter) -> Result<Vec<Acl>> {
    let made = Made::new(filter, true)?;
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DELETEACLS, |question| {
        let mut filter = made.0;
        // SAFETY: a living client; the filter is copied.
        unsafe { sys::rd_kafka_DeleteAcls(question.client(), &mut filter, 1, question.options(), question.queue()) };
        Ok(())
    })?;
    let (mut count, mut found) = (0, Vec::new());
    // SAFETY: an answer of this kind; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DeleteAcls_result(event.as_ptr());
        let responses = sys::rd_kafka_DeleteAcls_result_responses(result, &mut count);
        for response in rows(responses, count) {
            if let Some(error) = borrowed_error(sys::rd_kafka_DeleteAcls_result_response_error(*response)) {
                return Err(call.failed(error));
            }
            let mut count = 0;
            let acls = sys::rd_kafka_DeleteAcls_result_response_matching_acls(*response, &mut count);
            for acl in rows(acls, count) {
                match borrowed_error(sys::rd_kafka_AclBinding_error(*acl)) {
                    Some(error) => return Err(call.failed(error)),
                    None => found.push(acl_of(*acl)),
                }
            }
        }
    }
    Ok(found)
}

/// # Safety
/// A living rule.
unsafe fn acl_of(acl: *const sys::rd_kafka_AclBinding_t) -> Acl {
    // SAFETY: by contract.
    unsafe {
        Acl {
            resource_type: RESOURCES.name(rd_kafka_AclBinding_restype(acl)),
            resource_name: text(sys::rd_kafka_AclBinding_name(acl)),
            resource_pattern_type: PATTERNS.name(rd_kafka_AclBinding_resource_pattern_type(acl)),
            principal: text(sys::rd_kafka_AclBinding_principal(acl)),
            host: text(sys::rd_kafka_AclBinding_host(acl)),
            operation: OPERATIONS.name(rd_kafka_AclBinding_operation(acl)),
            permission_type: PERMISSIONS.name(rd_kafka_AclBinding_permission_type(acl)),
        }
    }
}
