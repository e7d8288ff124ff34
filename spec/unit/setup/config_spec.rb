# frozen_string_literal: true

require "json"
require "pp" # rubocop:disable Lint/RedundantRequireStatement -- `pretty_inspect` is there once pp was called
require "yaml"
require_relative "../../support/application"

RSpec.describe Karafka::Setup::Config do
  include ApplicationHelpers

  it "answers components that work where none are set" do
    config = described_class.new
    mapper = config.topic_mapper
    expect([config.serializer.call({ a: 1 }), mapper.incoming("x"), mapper.outgoing("x"), config.consumer_mapper.call("x")])
      .to eq(['{"a":1}', "x", "x", "x"])
    expect(config.deserializer.call(Struct.new(:raw_payload).new("[1]"))).to eq([1])
  end

  it "has the documented defaults" do
    config = setup
    expect(config.to_h.except(:logger, :monitor)).to include(
      client_id: "karafka", group_id: "app", concurrency: 5, max_messages: 100, max_wait_time: 0, shutdown_timeout: 60_000,
      initial_offset: "earliest", consumer_persistence: true, strict_topics_namespacing: true, backend: :inline,
      batch_fetching: true, batch_consuming: true, max_bytes: 4_194_304
    )
    expect(config.pause.to_h).to eq(timeout: 1_000, max_timeout: 30_000, with_exponential_backoff: true)
    expect(config.swarm.to_h).to eq(nodes: 3, node_report_timeout: 60_000, node_restart_timeout: 5_000, node_memory_limit: nil)
    expect(config.swarm.node).to be_nil
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
    expect(config.to_h).to include(client_id: "shop", initial_offset: "latest", shutdown_timeout: -1)
    expect(config.to_h[:swarm]).to include(nodes: 2)
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
    expect { setup { |c| c.admin.kafka = "a:1" } }.to be_refused(/config\.admin\.kafka is of class String, but must be a Hash/)
  end

  it "checks the settings of Admin as those of the application" do
    admin = ->(kafka) { setup { |config| config.admin.kafka = kafka } }
    expect { admin.call({ "socket.timeout.ms": "soon" }) }
      .to be_refused(/config.admin.kafka sets "socket.timeout.ms" to "soon", but it must be a whole number from 10 to 300000/)
    expect { admin.call({ "socket.timeoutt.ms": 5 }) }.to be_refused(/config.admin.kafka sets .* Did you mean `socket.timeout.ms`/)
    expect { admin.call({ "bootstrap.servers": "::1:9092" }) }.to be_refused(/config.admin.kafka .*in brackets: \[::1\]:9092/)
    expect(admin.call({ "security.protocol": "ssl" }).admin.kafka[:"security.protocol"]).to eq("ssl")
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
    expect { setup("session.timeout.ms": "soon") }.to be_refused(/"session.timeout.ms" to "soon", but it must be a whole number from 1/)
    expect { setup("security.protocol": "tls") }.to be_refused(/"security.protocol" to "tls", but it must be one of plaintext, ssl, /)
    expect { app.setup { |c| c.kafka = { "bootstrap.servrs": "x" } } }.to be_refused(/Did you mean `bootstrap.servers`/)
  end

  it "names the file that librdkafka cannot use" do
    %w[ssl.ca.location ssl.certificate.location ssl.key.location ssl.keystore.location].each do |name|
      tls = ->(file) { setup("security.protocol": "ssl", name.to_sym => file) }
      expect { tls.call("/no/such.pem") }.to be_refused(%r{sets "#{name}" to "/no/such.pem", but this process cannot read that file})
      expect { tls.call(__FILE__) }.to be_refused(/sets "#{name}" to "#{__FILE__}", but librdkafka cannot use that file: \S+/)
    end
  end

  it "takes settings of both clients, and checks each with its own" do
    expect(setup("linger.ms": 5, "session.timeout.ms": 10_000).kafka.to_h.keys).to include(:"linger.ms", :"session.timeout.ms")
    expect { setup("linger.ms": "x") }.to be_refused(/linger.ms/)
  end

  it "refuses what the engine decides itself, with the reason" do
    %w[enable.auto.offset.store group.id].each do |key|
      expect { setup(key.to_sym => "x") }.to be_refused(/sets "#{key}", which cannot be set: \S+/)
    end
  end

  it "takes numbers as they are written, or not at all" do
    { "45_000" => "45_000", "30s" => "30s", 250.9 => "250.9", "0x10" => "0x10", "" => "" }.each do |value, text|
      expect { setup("session.timeout.ms": value) }
        .to be_refused(/config\.kafka sets "session.timeout.ms" to "?#{text}"?, but it must be a whole number from 1 to 3600000, .* 45000/)
    end
    expect { setup("max.poll.interval.ms": "300s") }.to be_refused(/"max.poll.interval.ms" to "300s", but it must be a whole number/)
    expect(setup("session.timeout.ms": 30_000.0).kafka.to_librdkafka["session.timeout.ms"]).to eq("30000")
  end

  it "refuses a duration of ActiveSupport, which would count in seconds" do
    seconds = stub_const("ActiveSupport::Duration", Struct.new(:to_i) { def to_s = to_i.to_s })
    expect do
      setup("session.timeout.ms": seconds.new(30))
    end.to be_refused(/a duration is written as seconds: write 30000, or \.in_milliseconds/)
    expect { setup { |config| config.pause.timeout = seconds.new(30) } }.to be_refused(/config\.pause\.timeout is .*duration.*30000/)
  end

  it "refuses what is impossible together" do
    expect { setup("heartbeat.interval.ms": 45_000) }
      .to be_refused(/"heartbeat.interval.ms" to 45000, but it must be below "session.timeout.ms" \(45000\), at most a third/)
    expect { setup("session.timeout.ms": 600_000) }.to be_refused(/refuses for a consumer: .*max.poll.interval.ms/)
    expect { setup("enable.idempotence": true, acks: 1) }.to be_refused(/refuses for a producer: .*acks/)
    expect { setup("security.protocol": "sasl_ssl") }.to be_refused(/Set "sasl.mechanism" to "PLAIN"/)
    expect { setup(acks: "all", "request.required.acks": 1) }
      .to be_refused(/sets "request.required.acks" to 1, but "acks" is another name of the same setting and has another value/)
    expect { setup("enable.auto.commit": false, "auto.commit.enable": true) }
      .to be_refused(/sets "auto.commit.enable" to true, but "enable.auto.commit" is another name of the same setting/)
    expect(setup("auto.commit.enable": "FALSE", "enable.auto.commit": false).kafka.size).to be > 1
    expect { setup("ssl.ca.pem": "-----BEGIN CERTIFICATE-----\\nAA") }.to be_refused(/"ssl.ca.pem" to \[hidden\], but it has \\n as two/)
  end

  it "never shows a password" do
    expect { setup { |c| c.kafka.sasl_over_ssl = "secret" } }.to be_refused(/sasl_over_ssl/)
    config = setup("sasl.password": "s3cret", "ssl.key.pem": "s3cret", "sasl.username": "me")
    [config.kafka.inspect, config.kafka.to_s, config.to_display.inspect].each do |text|
      expect(text).to include("me", "[hidden]").and(not_include("s3cret"))
    end
  end

  it "hides secrets, and what stands under unknown names, in every form that a person could print" do
    config = setup("sasl.password": "s3cret", "sasl.username": "me")
    routed = topic { kafka("ssl.key.password": "s3cret", inherit: true) }
    config.admin.kafka = { "sasl.password": "s3cret" }
    kafka = [config.kafka, routed.kafka, routed.subscription_group.kafka, config.admin.kafka]
    texts = kafka.flat_map do |settings|
      [settings, settings.to_h, settings.dup, settings.merge("client.id": "x"), [settings],
       settings.transform_keys(&:to_s)].flat_map do |it|
        [it.inspect, it.pretty_inspect, it.to_json, JSON.generate(it), it.to_yaml, it.to_s]
      end
    end
    texts += [config, config.admin, routed, app.routes.first].flat_map { |it| [it.inspect, it.pretty_inspect, it.to_yaml] }
    texts << config.to_h.inspect << routed.to_h.to_json << config.to_display.to_s
    expect(texts.grep(/s3cret/)).to eq([])
    expect(config.kafka.to_yaml + config.kafka.to_json + config.kafka.pretty_inspect).to include("me", "[hidden]")
    expect(config.kafka[:"sasl.password"] + config.kafka.to_h[:"sasl.password"]).to eq("s3crets3cret")
    expect(config.kafka.to_librdkafka["sasl.password"]).to be_instance_of(String).and eq("s3cret")

    ["sasl.pasword", "sasl_password", "ssl.keystore.passwort", "x"].each do |name|
      expect { setup(name.to_sym => "s3cret") }.to be_refused(/"#{name}", which librdkafka does not know/, &method(:hides))
      expect { WaterDrop::Producer.new { |it| it.kafka = { "bootstrap.servers": "a:1", name.to_sym => "s3cret" } } }
        .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, &method(:hides))
      expect(Karafka::Setup::KafkaSettings.new(name => "s3cret").inspect).not_to include("s3cret")
    end
    [["sasl.password", "s3cret"], "sasl.password=s3cret"].each do |wrong|
      expect { config.kafka = wrong }.to be_refused(/must be a Hash/, &method(:hides))
      expect { topic { kafka(wrong) } }.to be_refused(/must be a Hash/, &method(:hides))
      expect { config.admin.kafka = wrong }.to be_refused(/must be a Hash/, &method(:hides))
    end
  end

  def hides(error)
    expect(error.message).not_to include("s3cret")
  end

  it "yields kafka, as 1.x applications have it" do
    config = app.config
    config.kafka { |kafka| kafka.seed_brokers = ["kafka://a:1"] }
    expect(config.kafka).to eq("bootstrap.servers": "a:1")
  end

  it "wants somebody who gives tokens where a broker wants them" do
    tokens = { "security.protocol": "sasl_ssl", "sasl.mechanism": "OAUTHBEARER" }
    expect { setup(**tokens) }.to be_refused(/config\.kafka asks for OAUTHBEARER, but nothing gives it tokens\. Set config\.oauth\.token/)
    expect { setup { |c| c.oauth.token_provider_listener = Object.new } }.to be_refused(/must be something that answers to on_oauthbearer/)
    listener = Object.new.tap { |it| it.define_singleton_method(:on_oauthbearer_token_refresh) { |event| event } }
    config = setup(**tokens) { |c| c.oauth.token_provider_listener = listener }
    expect(config.oauth.token_provider_listener).to be(listener)
    expect(Karafka.producer.config.oauth.token_provider_listener).to be(listener)

    oidc = { "sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.token.endpoint.url": "https://a/token",
             "sasl.oauthbearer.client.id": "id", "sasl.oauthbearer.client.secret": "s3cret", **tokens }
    app.config.oauth.token_provider_listener = nil
    setup(**oidc)
    topic
    settings = Karafka::Engine::Config.new.to_h.dig(:groups, 0, :kafka)
    expect(settings.keys.grep(/oauth/)).to eq(["oauth.listener"])
    expect { setup(**oidc.except(:"sasl.oauthbearer.client.secret")) }.to be_refused(/without sasl\.oauthbearer\.client\.secret/)
    expect { setup(**oidc, "sasl.oauthbearer.grant.type": "urn:ietf:params:oauth:grant-type:jwt-bearer") }
      .to be_refused(/client credentials only/)
    { "sasl.oauthbearer.token.endpoint.url": "a/token", "sasl.oauthbearer.method": "odic", "https.ca.location": "/nope" }
      .each { |name, value| expect { setup(**oidc, name => value) }.to be_refused(/sets "#{name}" to "#{value}"/) }
    expect { topic { kafka("bootstrap.servers": "b:1", **tokens) } }.to be_refused(/topic orders kafka asks for OAUTHBEARER/)
    expect { WaterDrop::Producer.new { |it| it.kafka = { "bootstrap.servers": "a:1", **tokens } } }
      .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /nothing gives it tokens/)
  end

  it "does not have what is not supported yet" do
    expect { setup { |c| c.backend = :resque } }.to be_refused(/backend.*:inline or :sidekiq/)
  end

  it "refuses a kafka that is no Hash" do
    expect { app.config.kafka = "localhost:9092" }.to be_refused(/config.kafka is of class String, but must be a Hash/)
  end

  it "builds logger and monitor on first use, once" do
    config = setup
    expect(config.logger).to be_a(Logger).and be(config.logger)
    expect(config.monitor).to be_a(Karafka::Instrumentation::Monitor).and be(config.monitor)
    expect(config.set?(:logger)).to be(false)
  end

  RSpec::Matchers.define_negated_matcher(:not_include, :include)
end
