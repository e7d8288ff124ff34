//! The start: all clients first, then all threads, and only then the first of them does anything. So an error leaves nothing behind.

use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::Engine;
use crate::consume::group::Group;
use crate::error::{Error, Result};
use crate::kafka::client::ConsumerClient;
use crate::{base::allocator, event::telemetry};

impl Engine {
    /// Starts one poll thread per subscription group. Settings that librdkafka refuses only together
    /// (`session.timeout.ms` with KIP-848, a missing certificate) are errors here, before any thread runs.
    pub fn start(self: &Arc<Self>) -> Result<()> {
        self.check_process()?;
        if self.started.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        telemetry::listen(&self.events);
        allocator::set_up();
        let mut clients = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            if !group.runs() {
                clients.push(None);
                continue;
            }
            match ConsumerClient::new(&group.config, &group.doubt, group.troubles()) {
                Ok(client) => clients.push(Some(client)),
                Err(error) => return Err(self.not_started(clients, error)),
            }
        }
        let mut threads = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            match self.begin_thread(group) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    for (thread, begin) in threads {
                        // It waits for its client, and ends where none comes.
                        drop(begin);
                        let _ = thread.join();
                    }
                    return Err(self.not_started(clients, error));
                }
            }
        }
        for ((_, begin), client) in threads.into_iter().zip(clients) {
            begin.send(client).expect("the thread waits for its client");
        }
        if self.groups.is_empty() {
            self.close_doors();
        }
        Ok(())
    }

    /// Its client comes when the threads of all groups have been made.
    fn begin_thread(self: &Arc<Self>, group: &Arc<Group>) -> Result<(JoinHandle<()>, Sender<Option<ConsumerClient>>)> {
        let (begin, begun) = std::sync::mpsc::channel();
        let (engine, group) = (Arc::clone(self), group.clone());
        let name = format!("krs.poll.{}", group.id);
        let run = move || {
            if let Ok(client) = begun.recv() {
                engine.run_group(group, client);
            }
        };
        #[cfg(test)]
        if self.threads_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(Error::Internal("no thread, for a test".to_owned()));
        }
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(run)
            .map_err(|error| Error::Internal(format!("a thread could not be started: {error}")))?;
        Ok((thread, begin))
    }

    /// As if `start` had not been called.
    fn not_started(&self, clients: Vec<Option<ConsumerClient>>, error: Error) -> Error {
        clients.into_iter().flatten().for_each(ConsumerClient::destroy);
        telemetry::unlisten(&self.events);
        self.started.store(false, Ordering::Release);
        error
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{EngineConfig, GroupConfig, TopicConfig};

    fn threads() -> Vec<String> {
        let mut names = crate::base::memory::thread_names();
        names.retain(|name| name.starts_with("krs.poll.start"));
        names
    }

    #[test]
    fn where_a_thread_cannot_be_made_the_others_end_and_it_can_be_started_again() {
        let group = |id: &str| GroupConfig {
            id: id.to_owned(),
            topics: vec![TopicConfig {
                name: Some("orders".to_owned()),
                ..TopicConfig::default()
            }],
            kafka: [("bootstrap.servers", "127.0.0.1:1"), ("group.id", id)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..GroupConfig::default()
        };
        let config = EngineConfig {
            groups: vec![group("start1"), group("start2")],
            ..EngineConfig::default()
        };
        let engine = Engine::new(config).unwrap();
        engine.threads_left.store(1, Ordering::SeqCst);
        let error = engine.start().unwrap_err().to_string();
        assert!(error.contains("no thread"), "{error}");
        assert_eq!(threads(), Vec::<String>::new());
        assert!(!engine.state().unwrap().running);
        assert!(
            engine.join(Duration::from_secs(30)).unwrap(),
            "there is nothing to wait for"
        );

        engine.threads_left.store(2, Ordering::SeqCst);
        engine.start().unwrap();
        assert!(engine.state().unwrap().running);
        engine.stop();
        assert!(engine.join(Duration::from_secs(30)).unwrap());
    }
}
