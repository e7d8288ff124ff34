# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"
require "karafka/compat/delivery_boy"

RSpec.describe DeliveryBoy do
  let(:log) { StringIO.new }

  before do
    described_class.clear_config!
    described_class.logger = Logger.new(log)
  end

  after do
    described_class.testing.clear
    described_class.instance_variable_set(:@instance, nil)
    described_class.clear_config!
    described_class.logger = nil
  end

  describe "the test mode" do
    before { described_class.test_mode! }

    it "keeps what is sent, with its offset" do
      described_class.deliver("a", topic: "t", key: "k", headers: { "h" => "1" }, partition: 1, partition_key: "p")
      described_class.deliver_async("b", topic: :t)
      described_class.deliver_async!("c", topic: "t")
      messages = described_class.testing.messages_for("t")
      expect(messages.map { |message| [message.value, message.offset] }).to eq([["a", 0], ["b", 1], ["c", 2]])
      expect(messages.first).to have_attributes(topic: "t", key: "k", headers: { "h" => "1" }, partition: 1, partition_key: "p",
                                                bytesize: 2, create_time: an_instance_of(Time))
      expect(described_class.testing.messages_for("other")).to eq([])
    end

    it "collects until deliver_messages" do
      described_class.produce("a", topic: "t")
      described_class.produce!("b", topic: "t")
      expect([described_class.buffer_size, described_class.testing.messages_for("t").size]).to eq([2, 0])
      described_class.deliver_messages
      expect([described_class.buffer_size, described_class.testing.messages_for("t").size]).to eq([0, 2])
      described_class.produce("c", topic: "t")
      described_class.clear_buffer
      expect(described_class.buffer_size).to eq(0)
    end

    it "forgets at clear, and at shutdown" do
      2.times do |time|
        described_class.deliver("a", topic: "t")
        time.zero? ? described_class.testing.clear : described_class.shutdown
        expect(described_class.testing.messages_for("t")).to eq([])
      end
    end
  end

  describe ".config" do
    def config(env = {}) = DeliveryBoy::Config.new(env: env)

    def file(text)
      Dir.mktmpdir do |dir|
        path = File.join(dir, "delivery_boy.yml")
        File.write(path, text)
        yield path
      end
    end

    it "has delivery_boy's defaults" do
      expect(config).to have_attributes(
        brokers: ["localhost:9092"], client_id: "delivery_boy", delivery_interval: 10, delivery_threshold: 100, max_retries: 2,
        required_acks: -1, ack_timeout: 5, retry_backoff: 1, max_buffer_size: 1_000, max_buffer_bytesize: 10_000_000,
        max_queue_size: 1_000, connect_timeout: 10, socket_timeout: 30, sasl_over_ssl: true, compression_codec: nil
      )
    end

    it "reads DELIVERY_BOY_… of the environment" do
      read = config("DELIVERY_BOY_BROKERS" => "a:1, b:2", "DELIVERY_BOY_DELIVERY_INTERVAL" => "3",
                    "DELIVERY_BOY_SSL_VERIFY_HOSTNAME" => "0",
                    "DELIVERY_BOY_COMPRESSION_CODEC" => "gzip", "OTHER" => "x")
      expect(read).to have_attributes(brokers: %w[a:1 b:2], delivery_interval: 3, ssl_verify_hostname: false, compression_codec: :gzip)
    end

    it "reads a section of a file, with ERB; the environment goes before it, and code before both" do
      text = "default: &default\n  client_id: <%= 'a' + 'b' %>\n  max_retries: 4\n  ack_timeout: 6\n"
      file("#{text}test:\n  <<: *default\n  idempotent: true\n") do |path|
        read = config("DELIVERY_BOY_MAX_RETRIES" => "5")
        read.ack_timeout = 7
        read.load_file(path, "test")
        expect(read).to have_attributes(client_id: "ab", max_retries: 5, ack_timeout: 7, idempotent: true)
      end
    end

    it "gives each setting to ruby-kafka's client and producers" do
      client = { resolve_seed_brokers: true, ssl_ca_cert: "ca", ssl_ca_cert_file_path: "/ca", ssl_ca_certs_from_system: true,
                 ssl_client_cert: "c", ssl_client_cert_key: "k", ssl_client_cert_key_password: "p", ssl_client_cert_chain: "chain",
                 sasl_gssapi_principal: "me", sasl_gssapi_keytab: "/kt", sasl_plain_authzid: "z", sasl_plain_username: "u",
                 sasl_plain_password: "s", sasl_scram_username: "u", sasl_scram_password: "s", sasl_scram_mechanism: "sha256",
                 sasl_oauth_token_provider: Object.new, sasl_over_ssl: false, ssl_verify_hostname: false, client_id: "c",
                 connect_timeout: 3, socket_timeout: 4 }
      both = { compression_threshold: 2, compression_codec: :gzip, idempotent: true, required_acks: 1, ack_timeout: 6, retry_backoff: 2,
               max_buffer_size: 10, max_buffer_bytesize: 100 }
      sync = { transactional: true, transactional_timeout: 7, transactional_id: "t", max_retries: 3 }
      async = { delivery_interval: 1, delivery_threshold: 5, max_queue_size: 20 }
      given = config
      { **client, **both, **sync, **async, log_level: "debug" }.each { |name, value| given.set(name, value) }
      options = DeliveryBoy.const_get(:KafkaOptions)
      expect(options.client(given, nil)).to eq(seed_brokers: ["localhost:9092"], logger: nil, **client)
      expect([options.sync(given), options.async(given)]).to eq([{ **both, **sync }, { **both, **async, max_retries: -1 }])
      known = [client, both, sync, async].flat_map(&:keys) + %i[brokers log_level]
      expect(DeliveryBoy::Config::VARIABLES.keys - known).to all(start_with("datadog_"))
    end

    it "reports to Datadog where it is told to" do
      given = config
      { datadog_enabled: true, datadog_host: "h", datadog_port: 1, datadog_namespace: "n", datadog_tags: "a,b" }
        .each { |name, value| given.set(name, value) }
      seen = {}
      stub_const("Kafka::Datadog", Module.new)
      %i[host port namespace tags].each do |name|
        Kafka::Datadog.define_singleton_method(:"#{name}=") { |value| seen[name] = value }
      end
      allow_any_instance_of(DeliveryBoy::Instance).to receive(:require).with("kafka/datadog")
      DeliveryBoy::Instance.new(given, Logger.new(nil))
      expect(seen).to eq(host: "h", port: 1, namespace: "n", tags: %w[a b])
    end

    it "refuses what it does not know, with words" do
      expect do
        config("DELIVERY_BOY_BROKER" => "x")
      end.to raise_error(DeliveryBoy::ConfigError, "unknown configuration variable broker. Did you mean brokers?")
      expect { config("DELIVERY_BOY_MAX_RETRIES" => "x") }.to raise_error(DeliveryBoy::ConfigError, "\"x\" is not an integer (max_retries)")
      expect { config("DELIVERY_BOY_IDEMPOTENT" => "yes") }
        .to raise_error(DeliveryBoy::ConfigError, "\"yes\" is not a boolean: true, 1, false or 0 are (idempotent)")
      expect { config.set(:nonsense, 1) }.to raise_error(DeliveryBoy::ConfigError, "unknown configuration variable nonsense")
      file("test: {}\n") do |path|
        expect do
          config.load_file(path, "production")
        end.to raise_error(DeliveryBoy::ConfigError, "#{path} has no section production; it has test")
      end
      expect { config.load_file("/nowhere.yml", "test") }.to raise_error(DeliveryBoy::ConfigError, "/nowhere.yml does not exist")
    end

    it "is set by configure, read by get, and read again after clear_config!" do
      described_class.configure { |one| one.client_id = "mine" }
      expect([described_class.config.client_id, described_class.config.get("client_id")]).to eq(%w[mine mine])
      described_class.clear_config!
      expect(described_class.config.client_id).to eq("delivery_boy")
    end

    it "finds config/delivery_boy.yml and config/delivery_boy.rb of the application" do
      Dir.mktmpdir do |dir|
        Dir.mkdir(File.join(dir, "config"))
        File.write(File.join(dir, "config/delivery_boy.yml"), "development:\n  client_id: file\n  max_retries: 9\n")
        File.write(File.join(dir, "config/delivery_boy.rb"), "DeliveryBoy.configure { |config| config.client_id = \"code\" }\n")
        read = config
        read.load_application(dir)
        expect([read.client_id, read.max_retries]).to eq(["code", 9])
      end
    end

    it "shows no settings, as they may be secret" do
      expect(config("DELIVERY_BOY_SASL_PLAIN_PASSWORD" => "x").inspect).to eq("#<DeliveryBoy::Config>")
    end
  end

  describe "without room" do
    before do
      described_class.configure do |config|
        config.brokers = ["127.0.0.1:9"]
        config.max_queue_size = 1
        config.max_buffer_size = 1
        config.delivery_interval = 0
      end
    end

    it "raises with !, and logs and drops without" do
      2.times { described_class.deliver_async!("a", topic: "t") }
      expect { described_class.deliver_async!("a", topic: "t") }.to raise_error(Kafka::BufferOverflow)
      expect(described_class.deliver_async("a", topic: "t")).to be_nil
      described_class.produce("a", topic: "t")
      expect { described_class.produce!("a", topic: "t") }.to raise_error(Kafka::BufferOverflow)
      expect(described_class.produce("a", topic: "t")).to be_nil
      expect(log.string.scan("a message for t was dropped").size).to eq(2)
    end

    it "has a buffer for each thread" do
      described_class.produce("a", topic: "t")
      expect([described_class.buffer_size, Thread.new { described_class.buffer_size }.value]).to eq([1, 0])
    end
  end

  it "takes over delivery_boy's own require names, also for RSpec" do
    script = <<~RUBY
      require "karafka/compat/delivery_boy"
      require "delivery_boy"
      require "delivery_boy/rspec"
      DeliveryBoy.deliver("a", topic: "t")
      print DeliveryBoy.testing.messages_for("t").size, DeliveryBoy::Instance, DeliveryBoy::Fake
    RUBY
    lib = File.expand_path("../../../../lib", __dir__)
    expect(Open3.capture2e(RbConfig.ruby, "-I#{lib}", "-e", script).first).to eq("1DeliveryBoy::InstanceDeliveryBoy::Fake")
  end
end
