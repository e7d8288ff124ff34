# frozen_string_literal: true

# Long checks on real Kafka with faults. ARGS="--seconds 60 --seed 7" is passed on; each prints its seed, and --help its options.
namespace :verify do
  { consume: "Members, brokers and consumers fail at random for 10 minutes: nothing lost, nothing committed unprocessed, order kept",
    rebalance: "How long messages stand still while a group of 60 partitions rebalances under load",
    elections: "A broker that lacks messages becomes the leader: what is written in their place is processed",
    rate: "throttle, delay_by and expire_after hold their numbers for a minute, and waiting costs nothing",
    produce: "Leaders of partitions are killed 20 times during 2 million messages: what was reported is what is there, once and in order",
    producer_memory: "20 million messages and 100,000 forgotten handles: memory stays flat",
    dead_letters: "Members are killed while messages move to retry topics and the dead letter queue: none lost, none there by mistake",
    brokers: "Consuming, producing, transactions and groups on several versions of Kafka, beside members of other libraries",
    swarm: "Nodes and supervisors of a swarm are killed for 3 minutes: nothing lost, no node twice, none left behind",
    prometheus: "A real Prometheus scrapes through 10 minutes of chaos and keeps the numbers; each alert fires, none without a cause",
    incidents: "A stuck consumer, a poison message, a growing lag, a rebalance storm, a lost broker: five commands find cause and place",
    jobs: "100,000 jobs and 10,000 that wait, while members are killed: each performed, those of a key in order, none before it is due",
    deploy: "The Dockerfile's steps in a Debian 13: the gem compiles, a server consumes there, not as root, and ends by its signal",
    forks: "300 forks at random moments, while producers send, connect and end, over TLS too: each child sends a message and ends",
    exactly_once: "Consume, transform, produce while members are killed and brokers restarted: each result once" }
    .each do |name, description|
      desc description
      task(name) { sh "verify/#{name}.rb #{ENV.fetch("ARGS", nil)}".strip }
    end

  rubies = { "3.3" => ["trixie"], "3.4" => %w[experimental unit mock] }
  desc "The suite on another Ruby, in a Debian of its own (root, debootstrap): verify:ruby[3.3] all of it, [3.4] the stages unit and mock"
  task(:ruby, [:minor]) do |_, given|
    suite, *stages = rubies.fetch(given.minor) { abort "verify:ruby takes #{rubies.keys.join(" or ")}" }
    sh("bin/verify-in-debian", suite, "bin/test #{stages.join(" ")}".strip)
  end

  # Without an SDK of Apple: the C libraries are stand-ins, so what is checked is the engine and its crates, in Rust.
  desc "Check the engine's Rust code for macOS, from any machine: cargo check --target aarch64-apple-darwin"
  task :macos do
    target = "aarch64-apple-darwin"
    sh "rustup", "target", "add", target
    # A crate whose library is named here does not run its own build.
    stand_ins = %w[rdkafka openssl z zstd].flat_map do |library|
      ["--config", "target.#{target}.#{library}.rustc-link-lib=[\"#{library}\"]"]
    end
    sh({ "CARGO_TARGET_DIR" => "target/platforms" }, "cargo", "check", "--locked", "-p", "karafka_core", "--target", target, *stand_ins)
  end

  # Compiles what is committed in that Debian, with its Ruby and its Rails.
  desc "The specs of Rails; verify:rails[trixie] in Debian 13, with Ruby 3.3 and Rails 7.2 (root and debootstrap)"
  task(:rails, [:suite]) do |_, given|
    next sh("bin/verify-in-debian", given.suite, "bin/setup rails && rake verify:rails") if given.suite

    Rake::Task["compile:dev"].invoke
    files = Dir["spec/unit/on_rails/*_spec.rb", "spec/integration/{*rails*,active_job*,after_commit,outbox,puma_plugin}_spec.rb"]
    # A process for each, as in bin/test.
    failed = files.reject { |file| system("rspec", file) }
    abort "failed: #{failed.join(" ")}" if failed.any?
  end
end
