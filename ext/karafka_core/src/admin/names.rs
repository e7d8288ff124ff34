//! Names of what librdkafka counts. A number without a name is "unknown": a newer broker sent it.

use crate::error::{Error, Result};

pub struct Names {
    /// What the numbers stand for, for errors.
    what: &'static str,
    names: &'static [(&'static str, i32)],
}

pub const RESOURCES: Names = Names {
    what: "resource_type",
    names: &[
        ("any", 1),
        ("topic", 2),
        ("consumer_group", 3),
        ("broker", 4),
        ("transactional_id", 5),
    ],
};
pub const PATTERNS: Names = Names {
    what: "resource_pattern_type",
    names: &[("any", 1), ("match", 2), ("literal", 3), ("prefixed", 4)],
};
pub const OPERATIONS: Names = Names {
    what: "operation",
    names: &[
        ("any", 1),
        ("all", 2),
        ("read", 3),
        ("write", 4),
        ("create", 5),
        ("delete", 6),
        ("alter", 7),
        ("describe", 8),
        ("cluster_action", 9),
        ("describe_configs", 10),
        ("alter_configs", 11),
        ("idempotent_write", 12),
    ],
};
pub const PERMISSIONS: Names = Names {
    what: "permission_type",
    names: &[("any", 1), ("deny", 2), ("allow", 3)],
};
pub const ALTERATIONS: Names = Names {
    what: "operation",
    names: &[("set", 0), ("delete", 1), ("append", 2), ("subtract", 3)],
};
pub const SOURCES: Names = Names {
    what: "source",
    names: &[
        ("dynamic_topic", 1),
        ("dynamic_broker", 2),
        ("dynamic_default_broker", 3),
        ("static_broker", 4),
        ("default", 5),
        ("group", 8),
    ],
};
pub const STATES: Names = Names {
    what: "state",
    names: &[
        ("preparing_rebalance", 1),
        ("completing_rebalance", 2),
        ("stable", 3),
        ("dead", 4),
        ("empty", 5),
    ],
};
pub const GROUP_TYPES: Names = Names {
    what: "type",
    names: &[("consumer", 1), ("classic", 2)],
};

impl Names {
    pub fn name(&self, number: i32) -> &'static str {
        let found = self.names.iter().find(|(_, known)| *known == number);
        found.map_or("unknown", |(name, _)| name)
    }

    pub fn number(&self, name: &str) -> Result<i32> {
        let found = self.names.iter().find(|(known, _)| *known == name);
        found.map(|(_, number)| *number).ok_or_else(|| {
            let names: Vec<_> = self.names.iter().map(|(name, _)| *name).collect();
            Error::Config {
                setting: self.what.to_owned(),
                value: name.to_owned(),
                reason: format!("must be one of {}", names.join(", ")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_a_newer_broker_is_unknown() {
        assert_eq!((STATES.name(5), STATES.name(99)), ("empty", "unknown"));
    }

    #[test]
    fn a_wrong_name_is_refused_with_those_that_exist() {
        assert_eq!(PERMISSIONS.number("allow").ok(), Some(3));
        let error = PERMISSIONS.number("allowed").expect_err("refused").to_string();
        assert_eq!(error, "permission_type = \"allowed\": must be one of any, deny, allow");
    }
}
