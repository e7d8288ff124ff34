# frozen_string_literal: true

require "karafka/compat/phobos"
require "phobos"
require "phobos/test/helper"
require "support/adapter_application"

RSpec.describe Phobos do
  include AdapterApplication
  include Phobos::Test::Helper

  let(:log) { StringIO.new }
  let(:settings) { { kafka: { seed_brokers: ["kafka://127.0.0.1:1"] }, custom_logger: Logger.new(log) } }
  let(:handler) do
    stub_const("TheHandler", Class.new do
      include Phobos::Handler
      define_method(:consume) { |payload, metadata| [payload, metadata] }
    end)
  end

  before { described_class.configure(settings) }

  after do
    described_class.instance_variable_set(:@config, nil)
    Phobos::Producer::PublicAPI.shared.async_producer_shutdown
  end

  describe ".configure" do
    it "takes a Hash; config reads it as objects" do
      described_class.configure(settings.merge(backoff: { min_ms: 5 }, listeners: [{ handler: "A", topic: "t" }]))
      expect([described_class.config.backoff.min_ms, described_class.config.listeners.first.topic]).to eq([5, "t"])
      expect(described_class.config.to_hash[:kafka]).to eq({ seed_brokers: ["kafka://127.0.0.1:1"] })
      expect(log.string).to include("Phobos configured")
    end

    it "takes a file, after ERB" do
      application("phobos.yml" => "kafka: { seed_brokers: [<%= 'a:1' %>] }\nlogger: { level: error }\n") do |app|
        described_class.configure(app.path("phobos.yml"))
        expect(described_class.config.kafka.seed_brokers).to eq(["a:1"])
        app.write("more.yml", "listeners: [{ handler: B, topic: u }]")
        described_class.add_listeners(app.path("more.yml"))
        expect(described_class.config.listeners.map(&:topic)).to eq(["u"])
      end
    end

    it "refuses an unknown section, a file that does not exist, and wrong YAML" do
      expect { described_class.configure(kafak: {}) }.to raise_error(Phobos::ConfigurationError, /unknown section "kafak".*`kafka`/)
      expect { described_class.configure("no.yml") }.to raise_error(Phobos::ConfigurationError, %r{/no\.yml does not exist})
      application("a.yml" => "a: [") do |app|
        expect { described_class.configure(app.path("a.yml")) }.to raise_error(Phobos::ConfigurationError, /a\.yml: /)
      end
    end

    it "says that it was not called" do
      described_class.instance_variable_set(:@config, nil)
      expect { described_class.config }.to raise_error(Phobos::ConfigurationError, /call Phobos\.configure/)
    end

    it "translates ruby-kafka's settings, in seconds; those of producer and consumer go before; what has no effect is said once" do
      described_class.configure(settings.merge(
                                  kafka: { client_id: "c", seed_brokers: ["a:1"], socket_timeout: 5, connect_timeout: nil },
                                  consumer: { kafka: { seed_brokers: ["b:1"] }, session_timeout: 20, offset_commit_threshold: 7 },
                                  producer: { required_acks: :all, compression_codec: :gzip, persistent_connections: true,
                                              max_buffer_size: 1000 }
                                ))
      2.times do
        expect(Phobos::KafkaSettings.consumer).to include("bootstrap.servers" => "b:1", "client.id" => "c", "session.timeout.ms" => "20000",
                                                          "socket.timeout.ms" => "5000")
        expect(Phobos::KafkaSettings.producer).to include("bootstrap.servers" => "a:1", "acks" => "all", "compression.codec" => "gzip")
      end
      expect(log.string.scan("has no effect").size).to eq(2)
    end

    it "takes the settings of phobos's own template" do
      described_class.configure(settings.except(:custom_logger).merge(
                                  logger: { stdout_json: true, level: "fatal" }, custom_kafka_logger: Logger.new(log),
                                  kafka: { seed_brokers: ["a:1"], connect_timeout: 15, socket_timeout: 16, ssl_ca_cert: "ca" },
                                  producer: { ack_timeout: 5, required_acks: :all, max_retries: 2, retry_backoff: 1, max_buffer_size: 1000,
                                              max_buffer_bytesize: 10_000_000, compression_threshold: 1, max_queue_size: 1000,
                                              delivery_threshold: 0, delivery_interval: 0 },
                                  consumer: { session_timeout: 30, offset_commit_interval: 10, offset_commit_threshold: 0,
                                              heartbeat_interval: 9, offset_retention_time: 60 }
                                ))
      expect(Phobos::KafkaSettings.producer)
        .to include("request.timeout.ms" => "5000", "acks" => "all", "message.send.max.retries" => "2", "retry.backoff.ms" => "1000",
                    "socket.connection.setup.timeout.ms" => "15000", "socket.timeout.ms" => "16000", "ssl.ca.pem" => "ca")
      own = { start_from_beginning: true, max_bytes_per_partition: 524_288 }.slice(:max_bytes_per_partition)
      expect(Phobos::KafkaSettings.consumer(own))
        .to include("auto.commit.interval.ms" => "10000", "heartbeat.interval.ms" => "9000", "max.partition.fetch.bytes" => "524288")
      # What has no effect, and what the engine logs, are two loggers' business.
      expect(log.string).not_to include("max_queue_size")
      expect(Karafka::App.config.logger).to be(described_class.config.custom_kafka_logger)
      described_class.configure(settings.merge(kafka: { seed_brokers: ["a:1"], sasl_plain_username: "u", sasl_plain_password: "p",
                                                        sasl_over_ssl: false }))
      expect(Phobos::KafkaSettings.connection).to include("sasl.username" => "u", "security.protocol" => "sasl_plaintext")
    end

    it "logs as its section says" do
      application do |app|
        described_class.configure(settings.except(:custom_logger).merge(logger: { file: app.path("log/p.log"), level: "warn" }))
        described_class.logger.info("quiet")
        built = Phobos::Log.method(:build)
        expect { built.call(nil).warn(message: "loud", a: 1) }.to output(/WARN  -- Phobos : message: loud, a: 1/).to_stdout
        described_class.logger.warn(message: "loud", a: 1)
        expect(app.read("log/p.log")).to match(/\A\[\d{4}-.*loud, a: 1\n\z/)
        described_class.silence_log = true
        described_class.configure(settings.except(:custom_logger).merge(logger: { stdout_json: true, file: app.path("json.log") }))
        expect { described_class.logger.warn(message: "loud") }.not_to output.to_stdout
        expect(JSON.parse(app.read("json.log").lines.last)).to include("level" => "WARN", "message" => { "message" => "loud" })
      end
    ensure
      described_class.silence_log = false
    end
  end

  it "has an exponential backoff of 1 to 60 seconds" do
    backoff = described_class.create_exponential_backoff
    expect([0, 1, 5, 6, 1_000].map { |retries| backoff.after(retries) }).to eq([1_000, 2_000, 32_000, 60_000, 60_000])
  end

  describe "handlers" do
    it "have class methods start and stop, around_consume, and need consume" do
      expect([handler.start(nil), handler.stop, handler.new.around_consume(1, 2) { |*given| given }]).to eq([nil, nil, [1, 2]])
      expect { Class.new { include Phobos::Handler }.new.consume("", {}) }.to raise_error(NotImplementedError)
    end

    it "BatchHandler has around_consume_batch, and needs consume_batch" do
      klass = Class.new { include Phobos::BatchHandler }
      expect([klass.start(nil), klass.stop, klass.new.around_consume_batch([1], 2) { |*given| given }]).to eq([nil, nil, [[1], 2]])
      expect { klass.new.consume_batch([], {}) }.to raise_error(NotImplementedError)
    end

    it "EchoHandler logs what comes" do
      Phobos::EchoHandler.new.consume("hello", { topic: "t" })
      expect(log.string).to include("hello")
    end

    it "BatchMessage has key, partition, offset, payload and headers" do
      message = Phobos::BatchMessage.new(key: "k", partition: 1, offset: 2, payload: "p", headers: {})
      expect([message.to_a, message == message.dup]).to eq([["k", 1, 2, "p", {}], true])
    end

    it "Test::Helper#process_message goes the way of a message, through around_consume" do
      handler.define_method(:around_consume) { |payload, metadata, &block| block.call(payload.upcase, metadata.merge(seen: true)) }
      expect(process_message(handler: handler, payload: "foo", metadata: { foo: "bar" })).to eq(["FOO", { foo: "bar", seen: true }])
      expect(process_message(handler: handler, payload: "é".b, encoding: "UTF-8").first.encoding).to eq(Encoding::UTF_8)
    end
  end

  describe "Listener and Executor" do
    it "refuses a delivery that does not exist, and unknown settings" do
      expect { Phobos::Listener.new(handler: handler, group_id: "g", topic: "t", delivery: "bulk") }
        .to raise_error(Phobos::ConfigurationError, "Invalid delivery method 'bulk'. Valid options are: batch, message, inline_batch")
      expect { Phobos::Listener.new(handler: handler, group_id: "g", topic: "t", delivry: "batch") }
        .to raise_error(ArgumentError, /unknown keywords: delivry/)
    end

    it "builds each listener max_concurrency times, and names a handler that is missing" do
      described_class.configure(settings.merge(listeners: [
                                                 { handler: handler.name, topic: "t", group_id: "g", max_concurrency: 2,
                                                   force_encoding: "UTF_8",
                                                   min_bytes: 1, max_wait_time: 1, session_timeout: 40, backoff: { min_ms: 1, max_ms: 2 } },
                                                 { handler: "Phobos::EchoHandler", topic: "u", group_id: "g", consume_in_batches: false }
                                               ]))
      listeners = Phobos::Executor.new.listeners
      expect(listeners.map { |one| [one.topic, one.handler_class, one.encoding] })
        .to eq([["t", handler, Encoding::UTF_8], ["t", handler, Encoding::UTF_8], ["u", Phobos::EchoHandler, nil]])
      expect(listeners.first.create_exponential_backoff.to_a).to eq([1, 2])
      described_class.configure(settings.merge(listeners: [{ handler: "Gone", topic: "t", group_id: "g" }]))
      expect { Phobos::Executor.new }.to raise_error(Phobos::ConfigurationError, /\AHandler 'Gone' not defined/)
    end

    mistakes = {
      { group_id: nil } => /listener 1 of the section listeners \(TheHandler\): missing keyword: :group_id/,
      { topic: nil } => /missing keyword: :topic/,
      { max_concurrency: "many" } => /max_concurrency is "many", but must be a whole number of threads/,
      { force_encoding: "utf99" } => /force_encoding is "utf99", but must be an encoding of Ruby/,
      { backoff: { min_ms: "soon" } } => /backoff\.min_ms is "soon", but must be a whole number of milliseconds/,
      { sesion_timeout: 3 } => /listener 1 .*unknown keywords: sesion_timeout; there are session_timeout/,
      { session_timeout: "soon" } => /consumer\.session_timeout is "soon", but must be a number/
    }
    mistakes.each do |own, words|
      it "says before anything starts what is wrong with #{own}" do
        listener = { handler: handler.name, topic: "t", group_id: "g" }.merge(own).compact
        described_class.configure(settings.merge(listeners: [listener]))
        expect { Phobos::Executor.new }.to raise_error(StandardError, words) { |error|
          expect(error).to be_a(Phobos::Error).or be_a(Karafka::Errors::BaseError)
        }
      end
    end

    it "says before anything starts what is wrong with the producer, the brokers and the logger" do
      listeners = [{ handler: handler.name, topic: "t", group_id: "g" }]
      described_class.configure(settings.merge(listeners: listeners, producer: { ack_timeout: "soon" }))
      expect { Phobos::Executor.new }.to raise_error(Karafka::Errors::InvalidConfigurationError, /producer\.ack_timeout is "soon"/)
      described_class.configure(settings.merge(listeners: listeners, kafka: { client_id: "a" }))
      expect { Phobos::Executor.new }.to raise_error(Phobos::ConfigurationError, /the section kafka: .*seed_brokers/)
      expect { described_class.configure(settings.except(:custom_logger).merge(logger: { level: "loud" })) }
        .to raise_error(Phobos::ConfigurationError, /logger\.level is "loud", but must be one of debug/)
    end

    it "takes an encoding by the name of its constant, and by its own" do
      %w[UTF_16LE UTF-16LE].each do |name|
        described_class.configure(settings.merge(listeners: [{ handler: handler.name, topic: "t", group_id: "g", force_encoding: name }]))
        expect(Phobos::Executor.new.listeners.first.encoding).to eq(Encoding::UTF_16LE)
      end
    end

    it "waits max_wait_time only for min_bytes: the wait keeps back partitions that come later" do
      described_class.configure(settings)
      waits = [{ max_wait_time: 5 }, { max_wait_time: 5, min_bytes: 1 }, { max_wait_time: 5, min_bytes: 1_000 }]
              .map { |own| Phobos::KafkaSettings.consumer(own)["fetch.wait.max.ms"] }
      expect(waits).to eq([nil, nil, "5000"])
    end

    it "ends its listeners where stop of a handler raises, and logs that" do
      handler.define_singleton_method(:stop) { raise "in stop" }
      described_class.configure(settings.merge(listeners: [{ handler: handler.name, topic: "t", group_id: "g" }]))
      listener = Phobos::Executor.new.listeners.first
      listener.send_heartbeat_if_necessary
      listener.stop
      events = []
      subscriber = Phobos::Instrumentation.subscribe("listener.stop") { |event| events << event.payload[:handler] }
      listener.start
      expect([events, log.string]).to match([["TheHandler"], /TheHandler\.stop raised RuntimeError: in stop/])
    ensure
      Phobos::Instrumentation.unsubscribe(subscriber)
    end

    it "starts a listener again that fails, after a pause, and tells executor.retry_listener_error" do
      events = Queue.new
      subscriber = Phobos::Instrumentation.subscribe("executor.retry_listener_error") { |event| events << event.payload }
      handler.define_singleton_method(:start) { |_| raise "no database" }
      described_class.configure(settings.merge(backoff: { min_ms: 1, max_ms: 2 },
                                               listeners: [{ handler: handler.name, topic: "t", group_id: "g" }]))
      executor = Phobos::Executor.new
      executor.start
      seen = [events.pop, events.pop]
      executor.stop
      expect(seen.map { |payload| payload.values_at(:retry_count, :exception_class, :exception_message) })
        .to eq([[0, "RuntimeError", "no database"], [1, "RuntimeError", "no database"]])
    ensure
      Phobos::Instrumentation.unsubscribe(subscriber)
    end
  end

  describe "Producer" do
    let(:sent) { [] }
    let(:api) { Class.new { include Phobos::Producer }.producer }

    before do
      kept = sent
      fake = Object.new
      %i[produce_many_sync produce_many_async].each { |name| fake.define_singleton_method(name) { |messages| kept << [name, messages] } }
      fake.define_singleton_method(:close) { nil }
      api.instance_variable_set(:@waterdrop, fake)
    end

    it "is that of the class and of its instances" do
      klass = Class.new { include Phobos::Producer }
      expect(klass.new.producer).to equal(klass.producer)
    end

    it "publish and publish_list wait, async_publish and async_publish_list do not" do
      api.publish(topic: "t", payload: "p", key: 5, partition_key: "pk", headers: { n: 1 })
      api.async_publish(topic: "t", payload: "p")
      api.publish_list([{ topic: "A", payload: "1", key: "1" }])
      api.async_publish_list([{ topic: "B", payload: "2" }])
      expect(sent).to eq([
                           [:produce_many_sync, [{ topic: "t", payload: "p", key: "5", partition_key: "pk", headers: { "n" => "1" } }]],
                           [:produce_many_async, [{ topic: "t", payload: "p" }]],
                           [:produce_many_sync, [{ topic: "A", payload: "1", key: "1" }]],
                           [:produce_many_async, [{ topic: "B", payload: "2" }]]
                         ])
    end

    it "raises ruby-kafka's errors: DeliveryFailed with what did not arrive, BufferOverflow" do
      fake = api.connected
      handles = [nil, Karafka::Errors::KafkaError.new("no", code: :msg_timed_out)].map do |error|
        Struct.new(:report).new(WaterDrop::DeliveryReport.new(0, 0, "t", error))
      end
      fake.define_singleton_method(:produce_many_sync) { |_| raise WaterDrop::Errors::ProduceManyError.new("no", handles) }
      fake.define_singleton_method(:produce_many_async) { |_| raise WaterDrop::Errors::ProduceManyError.new("full", []) }
      expect do
        api.publish_list([{ topic: "t", payload: "1" }, { topic: "t", payload: "2" }])
      end.to raise_error(Kafka::DeliveryFailed) { |error|
               expect(error.failed_messages).to eq([{ topic: "t",
                                                      payload: "2" }])
             }
      expect { api.async_publish(topic: "t", payload: "1") }.to raise_error(Kafka::BufferOverflow, "full")
    end

    it "raises DeliveryFailed where a message cannot be sent; how large it may be the brokers say" do
      api.instance_variable_set(:@waterdrop, nil)
      expect(api.connected.config.max_payload_size).to eq(100_000_000)
      messages = [{ topic: "t", payload: "1" }, { topic: "no name", payload: "2" }]
      [-> { api.publish_list(messages) }, -> { api.async_publish_list(messages) }].each do |publish|
        expect(&publish).to raise_error(Kafka::DeliveryFailed, /message\[:topic\] must be/) { |error|
          expect(error.failed_messages).to eq(messages)
        }
      end
    end

    it "has kafka_client, configure_kafka_client, and shutdowns after which the next message connects again" do
      client = described_class.create_kafka_client
      api.configure_kafka_client(client)
      expect([api.kafka_client, client.class, client.close]).to eq([client, Kafka::Client, nil])
      api.sync_producer_shutdown
      expect([api.async_producer, api.sync_producer, api.create_sync_producer, api.create_async_producer].uniq)
        .to contain_exactly(be_a(WaterDrop::Producer))
      api.async_producer_shutdown
    end
  end

  describe "the command" do
    it "init writes the files once, start says what is wrong in one line" do
      application do |app|
        expect(app.run("phobos", "init").first).to eq("    create  config/phobos.yml\n    create  phobos_boot.rb\n")
        expect(app.run("phobos", "init").first).to include("exists  config/phobos.yml")
        described_class.configure(app.path("config/phobos.yml").tap do |path|
                                    File.write(path, File.read(path).sub("log/phobos.log", "false"))
                                  end)
        expect(described_class.config.listeners.first.handler).to eq("Phobos::EchoHandler")
        out, status = app.run("phobos", "start", "-c", "missing.yml")
        expect([out, status.exitstatus]).to eq(["phobos: #{app.path("missing.yml")} does not exist\n", 1])
        expect(app.run("phobos", "version").first).to eq("Phobos 2.1.6 (karafka-rs #{Karafka::VERSION})\n")
        app.write("empty.yml", "kafka: { seed_brokers: [a] }")
        expect(app.run("phobos", "start", "-c", "empty.yml").first).to include("no listeners are configured in empty.yml")
      end
    end

    it "stands in bin/ after karafka install --phobos" do
      application do |app|
        env = { **AdapterApplication::Application::CLEAN, "RUBYLIB" => File.join(AdapterApplication::ROOT, "lib") }
        Open3.capture2e(env, RbConfig.ruby, File.join(AdapterApplication::ROOT, "exe/karafka"), "install", "--phobos", chdir: app.dir)
        expect(Open3.capture2e(env, "bin/phobos", "version", chdir: app.dir).first).to start_with("Phobos 2.1.6")
      end
    end
  end
end
