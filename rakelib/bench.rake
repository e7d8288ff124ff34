# frozen_string_literal: true

desc "All benchmarks on real Kafka (PEERS=1: other clients too)"
task(:bench) { sh "bin/bench", *("--peers" if ENV["PEERS"]) }

namespace :bench do
  { consume: "Messages a second and CPU a message, beside the plain-Rust ceiling",
    produce: "Messages sent a second, CPU a message and time of a sync call", latency: "From send to consume",
    observing: "What metrics, state and probes over HTTP cost, and how long they take with 1,000 partitions",
    skew: "One busy partition beside idle ones, and memory where much could be fetched ahead",
    racecar: "A consumer of racecar, beside the plain-Rust ceiling",
    ruby_kafka: "Consumers and producers of ruby-kafka and delivery_boy, beside the plain-Rust ceilings",
    read: "Reading a topic without a group", jobs: "Enqueuing jobs of Active Job",
    jobs_a_second: "Empty jobs enqueued and performed, beside Sidekiq where it is installed",
    in_rails: "What Rails' executor and reloader add to a consumer that reads JSON",
    command_line: "`karafka consume` and `karafka produce`, beside kcat",
    parallel: "Waiting consumers: several batches of one partition at once",
    memory: "Idle memory, boot, stop, memory over 20 million messages", peers: "Other Kafka clients on the same rows" }
    .each do |name, description|
      desc description
      task(name) { sh "bench/#{name}" }
    end
end
