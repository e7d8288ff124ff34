# frozen_string_literal: true

require "karafka/compat/racecar"
require "support/adapter_application"

RSpec.describe Racecar::Config do
  include AdapterApplication

  let(:config) { described_class.new(env: {}) }

  after { Racecar.config = nil }

  it "has racecar's defaults, in seconds" do
    expected = {
      brokers: ["localhost:9092"], client_id: "racecar", offset_commit_interval: 10, session_timeout: 30, max_poll_interval: 300,
      max_wait_time: 1, message_timeout: 300, fetch_messages: 1000, max_bytes: 10 * 1024 * 1024, pause_timeout: 10,
      pause_with_exponential_backoff: false, partition_assignment_strategy: "range,roundrobin", partitioner: "consistent_random",
      statistics_interval: 1, liveness_probe_max_interval: 5, log_level: "info", group_id: nil, group_id_prefix: nil
    }
    expect(expected.keys.to_h { |name| [name, config.public_send(name)] }).to eq(expected)
  end

  it "becomes librdkafka's settings, in milliseconds" do
    config.security_protocol = :sasl_ssl
    config.sasl_mechanism = "PLAIN"
    config.consumer = ["fetch.min.bytes=5"]
    config.producer = ["linger.ms=7"]
    expect(config.consumer_kafka).to include(
      "bootstrap.servers" => "localhost:9092", "client.id" => "racecar", "auto.commit.interval.ms" => 10_000,
      "session.timeout.ms" => 30_000, "max.poll.interval.ms" => 300_000, "fetch.max.bytes" => 10_485_760,
      "partition.assignment.strategy" => "range,roundrobin", "security.protocol" => "sasl_ssl", "sasl.mechanism" => "PLAIN",
      "fetch.min.bytes" => "5", "statistics.interval.ms" => 0
    )
    expect(config.producer_kafka).to include("message.timeout.ms" => 300_000, "partitioner" => "consistent_random", "linger.ms" => "7")
  end

  # name => a value, librdkafka's name, what it becomes there
  { security_protocol: ["ssl", "security.protocol", "ssl"], ssl_ca_location: ["/ca", "ssl.ca.location", "/ca"],
    ssl_crl_location: ["/crl", "ssl.crl.location", "/crl"], ssl_keystore_location: ["/ks", "ssl.keystore.location", "/ks"],
    ssl_keystore_password: ["k", "ssl.keystore.password", "k"], ssl_certificate_location: ["/c", "ssl.certificate.location", "/c"],
    ssl_key_location: ["/key", "ssl.key.location", "/key"], ssl_key_password: ["p", "ssl.key.password", "p"],
    ssl_verify_hostname: [false, "ssl.endpoint.identification.algorithm", "none"], sasl_mechanism: ["PLAIN", "sasl.mechanism", "PLAIN"],
    sasl_username: ["u", "sasl.username", "u"], sasl_password: ["s", "sasl.password", "s"],
    sasl_kerberos_service_name: ["kafka", "sasl.kerberos.service.name", "kafka"],
    sasl_kerberos_principal: ["me", "sasl.kerberos.principal", "me"], sasl_kerberos_keytab: ["/kt", "sasl.kerberos.keytab", "/kt"],
    sasl_kerberos_kinit_cmd: ["kinit", "sasl.kerberos.kinit.cmd", "kinit"],
    sasl_kerberos_min_time_before_relogin: [9, "sasl.kerberos.min.time.before.relogin", 9],
    socket_timeout: [40, "socket.timeout.ms", 40_000] }.each do |name, (value, setting, becomes)|
    it "gives #{name} to the consumer and to the producer" do
      config.set(name, value)
      expect([config.consumer_kafka, config.producer_kafka]).to all(include(setting => becomes))
    end
  end

  it "gives the consumer and the producer what is about one of them" do
    { heartbeat_interval: 2, min_message_queue_size: 50, producer_compression_codec: "zstd" }.each { |name, value| config.set(name, value) }
    expect(config.consumer_kafka).to include("heartbeat.interval.ms" => 2_000, "queued.min.messages" => 50)
    expect(config.producer_kafka).to include("compression.codec" => "zstd")
  end

  it "has a pause that grows up to max_pause_timeout, and offset_commit_on_idle for the application" do
    consumer = stub_const("Grows", Class.new(Racecar::Consumer) { subscribes_to("a") && define_method(:process) { |_| nil } })
    { pause_timeout: 2, pause_with_exponential_backoff: true, max_pause_timeout: 8, offset_commit_on_idle: false }
      .each { |name, value| config.set(name, value) }
    config.load_consumer_class(consumer)
    work = Racecar::Work.new(consumer.new, config: config, instrumenter: Racecar::NullInstrumenter)
    Racecar::Application.new(config, work).prepare
    topic = Karafka::App.routes.topics.first
    expect([topic.pause_timeout, topic.pause_max_timeout, topic.pause_with_exponential_backoff,
            Karafka::App.config.offset_recommit_interval]).to eq([2_000, 8_000, true, false])
  ensure
    Karafka::App.reset!
  end

  it "says that another multi_subscription_strategy has no effect, and takes without_rails" do
    config.without_rails = true
    config.multi_subscription_strategy = "exhaust-topic"
    log = StringIO.new
    Racecar::Runner.new(nil, config: config, logger: Logger.new(log)).send(:without_effect)
    expect([config.without_rails?, log.string]).to match([true, /multi_subscription_strategy exhaust-topic has no effect/])
  end

  it "reads RACECAR_*; lists have commas, booleans are true, 1, false and 0" do
    env = { "RACECAR_BROKERS" => "a:1, b:2", "RACECAR_PAUSE_TIMEOUT" => "-1", "RACECAR_DAEMONIZE" => "1", "RACECAR_FETCH_MESSAGES" => "5" }
    config = described_class.new(env: env)
    expect([config.brokers, config.pause_timeout, config.daemonize, config.fetch_messages]).to eq([%w[a:1 b:2], -1.0, true, 5])
  end

  it "says which RACECAR_* it does not know, and goes on: another program may have set it" do
    expect { described_class.new(env: { "RACECAR_BROKER" => "a:1" }) }
      .to output("racecar: RACECAR_BROKER is left out: unknown configuration variable \"broker\". Did you mean `brokers`?\n").to_stderr
  end

  {
    fetch_messages: ["five", 'fetch_messages: "five" is not an integer'],
    pause_timeout: ["soon", 'pause_timeout: "soon" is not a float: write a number of seconds'],
    daemonize: ["yes", 'daemonize: "yes" is not a boolean: write true, 1, false or 0'],
    brokers: [5, "brokers: 5 is not a list: write an Array, or values with commas between them"],
    sasl_password: [[], "sasl_password: the value is not a string"],
    partitioner: ["crc",
                  'partitioner: "crc" is not one of random, consistent, consistent_random, murmur2, murmur2_random, fnv1a, fnv1a_random']
  }.each do |name, (value, message)|
    it "refuses a wrong #{name} as a KingKonf::ConfigError" do
      expect { config.public_send(:"#{name}=", value) }.to raise_error(KingKonf::ConfigError, message)
    end
  end

  it "refuses an unknown name with the nearest one" do
    expect { config.set(:pause_timeot, 1) }
      .to raise_error(KingKonf::ConfigError, 'unknown configuration variable "pause_timeot". Did you mean `pause_timeout`?')
  end

  {
    { brokers: [] } => "`brokers` is empty",
    { socket_timeout: 1, max_wait_time: 1 } => "`socket_timeout` (1) must be longer than `max_wait_time` (1)",
    { pause_timeout: -2 } => "`pause_timeout` is -2: write a number of seconds, 0 or -1",
    { fetch_messages: 0 } => "`fetch_messages` is 0: write at least 1",
    { liveness_probe_enabled: true } => "`liveness_probe_file_path` must be set"
  }.each do |values, message|
    it "refuses #{values} before anything starts" do
      values.each { |name, value| config.set(name, value) }
      expect { config.validate! }.to raise_error(KingKonf::ConfigError, /\A#{Regexp.escape(message)}/)
    end
  end

  it "takes the class's own settings; the group id is the prefix and the dasherized name" do
    consumer = stub_const("Push::HTTPNotificationsConsumer", Class.new(Racecar::Consumer) do
      subscribes_to "a", "b", start_from_beginning: false
      self.max_wait_time = 2
      self.fetch_messages = 7
      self.parallel_workers = 3
    end)
    config.group_id_prefix = "kevin."
    config.load_consumer_class(consumer)
    expect([config.group_id, config.subscriptions.map(&:topic), config.max_wait_time, config.fetch_messages, config.parallel_workers])
      .to eq(["kevin.push-http-notifications-consumer", %w[a b], 2, 7, 3])
    consumer.group_id = "own"
    config.load_consumer_class(consumer)
    expect(config.group_id).to eq("own")
  end

  it "refuses a class without topics, and one that processes nothing" do
    consumer = stub_const("Nothing", Class.new(Racecar::Consumer))
    config.load_consumer_class(consumer)
    expect { config.validate! }.to raise_error(NotImplementedError, /\ANothing must define `process\(message\)` or `process_batch/)
    consumer.define_method(:process) { |_| nil }
    expect { config.validate! }.to raise_error(KingKonf::ConfigError, /\ANothing has no `subscribes_to "topic"`/)
  end

  it "hides passwords from those who look at it" do
    config.sasl_password = "open sesame"
    expect(config.inspect).to include("sasl_password = [hidden]").and(include("client_id = \"racecar\""))
    expect(config.inspect).not_to include("sesame")
  end

  it "is read in this order, of which the later one holds: RACECAR_*, config/racecar.yml, config/racecar.rb, the command line" do
    files = {
      "config/racecar.yml" => <<~YAML,
        common: &common
          client_id: yaml
          group_id_prefix: <%= "from-" + "erb." %>
          session_timeout: 20
        development:
          <<: *common
          pause_timeout: 2
        production:
          pause_timeout: 3
      YAML
      "config/racecar.rb" => "Racecar.configure { |config| config.session_timeout = 25 }",
      "show.rb" => <<~RUBY
        class ShowConsumer < Racecar::Consumer
          subscribes_to "t"
          def process(message) = nil
        end
        at_exit { puts Racecar.config.inspect }
        def Racecar.run(_) = 0
      RUBY
    }
    env = { "RACECAR_CLIENT_ID" => "env", "RACECAR_OFFSET_COMMIT_INTERVAL" => "4", "RACECAR_SESSION_TIMEOUT" => "15" }
    application(files) do |app|
      out, = app.run("racecar", "ShowConsumer", "--require", "./show", "--pause-timeout", "1", env: env)
      expect(out).to include("client_id = \"yaml\"", "offset_commit_interval = 4.0", "session_timeout = 25", "pause_timeout = 1.0",
                             "group_id = \"from-erb.show-consumer\"")
      out, = app.run("racecar", "ShowConsumer", "-r", "./show", env: { "RAILS_ENV" => "production" })
      expect(out).to include("pause_timeout = 3", "client_id = \"yaml\"")
    end
  end

  it "says that its logfile cannot be written" do
    config.logfile = "/nowhere/racecar.log"
    expect { config.logger }.to raise_error(KingKonf::ConfigError, %r{\Alogfile: "/nowhere/racecar.log" cannot be written: No such file})
  end

  it "names the file that something is wrong in" do
    application("config/racecar.yml" => "common:\n  brokerz: a\n") do |app|
      out, status = app.run("racecar", "ShowConsumer")
      expect(out).to match(%r{\Aracecar: /.*/config/racecar\.yml: unknown configuration variable "brokerz"\. Did you mean `brokers`\?\n\z})
      expect(status.exitstatus).to eq(1)
    end
  end
end
