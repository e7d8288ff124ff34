# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Setup::Config do
  include ApplicationHelpers

  it "has the documented defaults" do
    config = setup
    expect(config.to_h.except(:logger, :monitor)).to include(
      client_id: "karafka", group_id: "app", concurrency: 5, max_messages: 100, max_wait_time: 0, shutdown_timeout: 60_000,
      initial_offset: "earliest", consumer_persistence: true, strict_topics_namespacing: true, backend: :inline,
      batch_fetching: true, batch_consuming: true, topic_mapper: nil, consumer_mapper: nil, max_bytes: 1_048_576
    )
    expect(config.pause.to_h).to eq(timeout: 1_000, max_timeout: 30_000, with_exponential_backoff: true)
    expect(config.swarm.nodes).to eq(3)
  end

  it "keeps what is set, in every way of writing it" do
    config = setup do |c|
      c.client_id = :shop
      c.initial_offset = :latest
      c.pause.timeout = 10
      c.pause { |pause| pause.max_timeout = 20 }
      c.swarm = { nodes: 2 }
      c.shutdown_timeout = -1
    end
    expect(config.to_h).to include(client_id: "shop", initial_offset: "latest", shutdown_timeout: -1, swarm: { nodes: 2 })
    expect(config.pause.to_h).to include(timeout: 10, max_timeout: 20)
  end

  it "refuses numbers that the engine cannot hold, and more threads than a process can have" do
    { max_messages: 2**70, max_bytes: 2**31, max_wait_time: 2**64, shutdown_timeout: 2**80, concurrency: 10**9 }.each do |name, value|
      expect { setup { |c| c.public_send(:"#{name}=", value) } }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /config\.#{name} is #{value}, but must be \S+/)
    end
  end

  it "refuses a name that is not valid UTF-8" do
    expect { setup { |c| c.client_id = "\xff" } }.to raise_error(Karafka::Errors::InvalidConfigurationError, /client_id is "\\xFF", but/)
  end

  {
    client_id: "a b", group_id: "", concurrency: 0, max_messages: "100", max_wait_time: -1, initial_offset: "newest",
    consumer_persistence: nil, logger: Object.new, monitor: :none, topic_mapper: Object.new, consumer_mapper: "x", producer: Object.new,
    worker_thread_priority: 4
  }.each do |name, value|
    it "refuses config.#{name} = #{value.class} with its name, value and what is allowed" do
      expect { setup { |c| c.public_send(:"#{name}=", value) } }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /config\.#{name} is #{Regexp.escape(value.inspect)}, but must be \S+/)
    end
  end

  it "refuses settings of Admin that are no Hash" do
    expect { setup { |c| c.admin.kafka = "a:1" } }.to be_refused(/config\.admin\.kafka is "a:1", but must be a Hash/)
  end

  it "names the nearest setting where one does not exist" do
    expect { setup { |c| c.max_mesages = 1 } }.to be_refused(/Unknown setting `config.max_mesages`. Did you mean `config.max_messages`/)
    expect { setup { |c| c.pause.timeuot = 1 } }.to be_refused(/Did you mean `config.pause.timeout`/)
    expect { setup(&:concurency) }.to be_refused(/config.concurrency/)
    expect { setup { |c| c.pause.xyzzy = 1 } }.to be_refused(/There are: max_timeout, timeout, with_exponential_backoff/)
  end

  it "refuses a shutdown_timeout in seconds and says so" do
    [60, 999, 0].each do |seconds|
      expect { setup { |c| c.shutdown_timeout = seconds } }
        .to be_refused(/shutdown_timeout is #{seconds}.*milliseconds.*multiplied by 1000/)
    end
  end

  it "refuses a pause that is longer than its maximum" do
    expect { setup { |c| c.pause.timeout = 40_000 } }
      .to be_refused(/config\.pause\.timeout is 40000, but must be at most config\.pause\.max_timeout \(30000\)/)
  end

  it "asks for brokers, and says how to get one" do
    expect { app.setup { |c| c.client_id = "x" } }.to be_refused(/bootstrap\.servers.*karafka broker/)
  end

  it "asks librdkafka about names and values" do
    expect { setup("sesion.timeout.ms": 1) }.to be_refused(/"sesion.timeout.ms".*Did you mean `session.timeout.ms`/)
    expect { setup("session.timeout.ms": "soon") }.to be_refused(/"session.timeout.ms" to "soon", which librdkafka refuses: \S+/)
    expect { app.setup { |c| c.kafka = { "bootstrap.servrs": "x" } } }.to be_refused(/Did you mean `bootstrap.servers`/)
  end

  it "takes settings of both clients, and checks each with its own" do
    expect(setup("linger.ms": 5, "session.timeout.ms": 10_000).kafka.to_h.keys).to include(:"linger.ms", :"session.timeout.ms")
    expect { setup("linger.ms": "x") }.to be_refused(/linger.ms/)
  end

  it "refuses what the engine decides itself, with the reason" do
    %w[enable.auto.commit enable.auto.offset.store group.id enable.partition.eof].each do |key|
      expect { setup(key.to_sym => "x") }.to be_refused(/sets "#{key}", which cannot be set: \S+/)
    end
  end

  it "never shows a password" do
    expect { setup { |c| c.kafka.sasl_over_ssl = "secret" } }.to be_refused(/sasl_over_ssl/)
    config = setup("sasl.password": "s3cret", "ssl.key.pem": "s3cret", "sasl.username": "me")
    [config.kafka.inspect, config.kafka.to_s, config.to_display.inspect].each do |text|
      expect(text).to include("me", "[hidden]").and(not_include("s3cret"))
    end
  end

  it "yields kafka, as 1.x applications have it" do
    config = app.config
    config.kafka { |kafka| kafka.seed_brokers = ["kafka://a:1"] }
    expect(config.kafka).to eq("bootstrap.servers": "a:1")
  end

  it "does not have what is not there yet" do
    setup { |c| c.strict_declarative_topics = false }
    expect { setup { |c| c.strict_declarative_topics = true } }.to be_unsupported(/config.strict_declarative_topics/)
    expect { setup { |c| c.oauth.token_provider_listener = Object.new } }.to be_unsupported(/oauth.token_provider_listener/)
    expect { setup { |c| c.backend = :sidekiq } }.to be_unsupported(/backend :sidekiq/)
  end

  it "refuses a kafka that is no Hash" do
    expect { app.config.kafka = "localhost:9092" }.to be_refused(/config.kafka is "localhost:9092", but must be a Hash/)
  end

  it "builds logger and monitor on first use, once" do
    config = setup
    expect(config.logger).to be_a(Logger).and be(config.logger)
    expect(config.monitor).to be_a(Karafka::Instrumentation::Monitor).and be(config.monitor)
    expect(config.set?(:logger)).to be(false)
  end

  RSpec::Matchers.define_negated_matcher(:not_include, :include)
end
