//! Settings that librdkafka refuses.

use karafka_core::engine::Engine;

use crate::common::*;

#[test]
fn a_setting_that_is_refused_names_itself() {
    let kafka = Kafka::mock(1);
    let good = engine_config(vec![kafka.group(vec![topic_config("t")])]);
    let mut bad = good.clone();
    bad.groups[0].kafka.insert("fetch.min.bites".into(), "1".into());
    let error = Engine::new(bad).err().unwrap().to_string();
    assert!(error.contains("fetch.min.bites"), "{error}");
    // Refused only together with another.
    let mut bad = good;
    bad.groups[0].kafka.insert("group.protocol".into(), "consumer".into());
    let engine = Engine::new(bad).unwrap();
    let error = engine.start().unwrap_err().to_string();
    assert!(error.contains("session.timeout.ms"), "{error}");
}
