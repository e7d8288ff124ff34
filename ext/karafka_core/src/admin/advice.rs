//! What can be done about an error of administration, added to the broker's own words.

use crate::error::KafkaError;

const ADVICE: &[(&str, &str)] = &[
    (
        "topic_already_exists",
        "Choose another name, or change the existing topic with create_partitions and Karafka::Admin::Configs",
    ),
    (
        "unknown_topic_or_part",
        "Check the name and the partition: Karafka::Admin.cluster_info lists the topics that exist",
    ),
    (
        "topic_exception",
        "A topic's name has 1 to 249 letters, digits, dots, underscores and dashes",
    ),
    (
        "unknown_partition",
        "Check the number of the partition: Karafka::Admin.topic_info shows how many the topic has",
    ),
    ("invalid_partitions", "Partitions can be added, never taken away"),
    (
        "invalid_replication_factor",
        "It must be at least 1, and at most the number of brokers",
    ),
    (
        "policy_violation",
        "The brokers have a policy for topics: ask whoever runs them",
    ),
    (
        "invalid_config",
        "Kafka's documentation lists the settings of topics and brokers with their values",
    ),
    (
        "group_id_not_found",
        "Karafka::Admin::ConsumerGroups.list shows the groups that exist",
    ),
    ("non_empty_group", "Stop the group's members first"),
    (
        "group_subscribed_to_topic",
        "Stop the members that consume this topic first",
    ),
    (
        "security_disabled",
        "The brokers check no rights: set authorizer.class.name in their server.properties",
    ),
    (
        "unsupported_feature",
        "The brokers are too old for this request, or it is switched off there",
    ),
    (
        "unsupported_version",
        "The brokers are too old for this request, or it is switched off there",
    ),
    (
        "timed_out",
        "Check that the brokers are reachable, or raise config.admin.max_wait_time",
    ),
    (
        "request_timed_out",
        "Check that all brokers are up, or raise config.admin.max_wait_time",
    ),
    (
        "authentication",
        "Check the credentials in config.kafka and config.admin.kafka",
    ),
];

const RIGHTS: &str =
    "The user of this client lacks the right for it: have it granted with Karafka::Admin::Acl or Kafka's own kafka-acls.sh";

/// The same error with advice, where there is any.
pub fn added(mut error: KafkaError) -> KafkaError {
    let advice = match ADVICE.iter().find(|(code, _)| *code == error.code) {
        Some((_, advice)) => advice,
        None if error.code.ends_with("authorization_failed") => RIGHTS,
        None => return error,
    };
    let words = error.message.trim_end_matches(['.', ' ']);
    error.message = format!("{words}. {advice}");
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::codes;

    #[test]
    fn each_code_is_one_of_librdkafkas() {
        let known: Vec<_> = (-200..150).map(codes::name).collect();
        for (code, _) in ADVICE {
            assert!(known.iter().any(|name| name == code), "{code}");
        }
    }

    #[test]
    fn a_missing_right_has_advice_whatever_it_is_for() {
        let error = added(KafkaError::from_number(30).with_message("Not allowed."));
        assert_eq!(error.code, "group_authorization_failed");
        assert_eq!(error.message, format!("Not allowed. {RIGHTS}"));
    }
}
