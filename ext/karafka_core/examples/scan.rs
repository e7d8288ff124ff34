//! How long reading a JSON document takes, without Kafka and without Ruby: reading over it, and testing a field of it.
//!   cargo run --release -p karafka_core --example scan -- --file .kafka/data/flights-1000000.jsonl [--case only]

#[allow(dead_code, reason = "the programs that talk to Kafka use the rest")]
#[path = "common/mod.rs"]
mod common;

use std::hint::black_box;

use common::{cpu_seconds, Arguments, Outcome};
use karafka_core::filter::{Filter, FilterConfig, Parts, WantedConfig};
use karafka_core::json::Reader;

/// About 5 MB of flights: more than the second cache, as messages are that another thread has received.
const DOCUMENTS: usize = 20_000;

fn only(fields: &[(&str, &str)]) -> Outcome<Filter> {
    let wanted = |text: &str| WantedConfig {
        text: Some(text.to_owned()),
        ..WantedConfig::default()
    };
    Ok(Filter::try_from(FilterConfig {
        json: fields
            .iter()
            .map(|(path, text)| (path.split('.').map(str::to_owned).collect(), vec![wanted(text)]))
            .collect(),
        ..FilterConfig::default()
    })?)
}

fn ordinary(document: &[u8]) -> bool {
    Reader::new(document).is_some_and(|mut reader| reader.skip().is_some() && reader.finish().is_some())
}

fn main() -> Outcome<()> {
    let arguments = Arguments::from_command_line(&["file", "case", "rounds"])?;
    let text = std::fs::read_to_string(arguments.text("file")?)?;
    let documents: Vec<&[u8]> = text.lines().take(DOCUMENTS).map(str::as_bytes).collect();
    let destination = only(&[("dest", "MSY")])?;
    let two = only(&[("carrier", "UA"), ("dest", "MSY")])?;
    let matches = |only: &Filter, document: &[u8]| {
        only.matches(&Parts {
            payload: Some(document),
            ..Parts::default()
        })
    };
    type Case<'a> = (&'a str, Box<dyn Fn(&[u8]) -> bool + 'a>);
    let cases: [Case; 6] = [
        ("copy", Box::new(|document| black_box(document.to_vec()).is_empty())),
        ("utf8", Box::new(|document| std::str::from_utf8(document).is_ok())),
        (
            "serde",
            Box::new(|document| serde_json::from_slice::<serde::de::IgnoredAny>(document).is_ok()),
        ),
        ("skip", Box::new(ordinary)),
        ("only", Box::new(|document| matches(&destination, document))),
        ("only-two", Box::new(|document| matches(&two, document))),
    ];
    let rounds = arguments.number("rounds", 50)?;
    for (name, case) in cases {
        if arguments.optional("case").is_some_and(|wanted| wanted != name) {
            continue;
        }
        let mut best = f64::MAX;
        let mut yes = 0;
        for _ in 0..rounds {
            let started = cpu_seconds();
            yes = documents.iter().filter(|document| case(black_box(document))).count();
            best = best.min(cpu_seconds() - started);
        }
        let nanoseconds = best * 1e9 / documents.len() as f64;
        let megabytes = documents.iter().map(|document| document.len()).sum::<usize>() as f64 / best / 1e6;
        println!(
            "{name:9} {nanoseconds:7.1} ns a document, {megabytes:7.0} MB/s, {yes} of {} true",
            documents.len()
        );
    }
    Ok(())
}
