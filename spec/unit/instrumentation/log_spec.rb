# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe "The log" do
  let(:log) { StringIO.new }

  def lines
    log.string.lines.map { |line| JSON.parse(line) }
  end

  def json_logger
    Logger.new(log, level: :debug, formatter: Karafka::Instrumentation::JsonFormatter.new)
  end

  describe Karafka::Instrumentation::JsonFormatter do
    let(:logger) { json_logger }

    it "writes one object a line, with the fields of the line" do
      logger.warn(Karafka::Instrumentation::LogLine.new("two\nlines", topic: "orders", partition: 0, error: nil, duration_ms: 1.23456))
      expect(log.string.lines.size).to eq(1)
      expect(lines.first).to include("level" => "warn", "message" => "two\nlines", "pid" => Process.pid, "topic" => "orders",
                                     "partition" => 0, "duration_ms" => 1.235)
      expect(Time.iso8601(lines.first.fetch("time"))).to be_utc
      expect(lines.first).not_to have_key("error")
    end

    it "writes what JSON cannot hold, errors, and other objects" do
      logger.info("\xFF of \xE2\x82".b)
      logger.error(ArgumentError.new("bad").tap { |error| error.set_backtrace(["a.rb:1"]) })
      logger.info({ "a" => 1 })
      logger.add(Logger::INFO, Karafka::Instrumentation::LogLine.new("x", rate: Float::INFINITY, list: ["\xFF", 1]), "app")
      expect(lines.map { |line| line["message"] }).to match([String, "bad", '{"a"=>1}'.then { { "a" => 1 }.inspect }, "x"])
      expect(lines[1]).to include("error" => "ArgumentError", "backtrace" => ["a.rb:1"])
      expect(lines[3]).to include("rate" => "Infinity", "program" => "app")
    end

    it "does not let a field hide the level or the text" do
      logger.info(Karafka::Instrumentation::LogLine.new("x", level: "none", message: "other"))
      expect(lines.first).to include("level" => "info", "message" => "x")
    end
  end

  describe "config.log_format" do
    def setup(logger = nil)
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
        config.logger = logger if logger
        config.log_format = :json
      end
    end

    it "is given to Karafka's own logger" do
      setup(Karafka::Instrumentation::Logger.new(log, level: :info))
      Karafka.logger.info("hello")
      expect(lines.first).to include("level" => "info", "message" => "hello")
    end

    it "is refused beside a logger that writes something else" do
      expect { setup(Logger.new(log)) }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /config.log_format is :json, but must be :text.*JsonFormatter.new/)
      expect { setup(json_logger) }.not_to raise_error
    end

    it "knows two formats" do
      expect { Karafka::App.config.log_format = :xml }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /log_format is :xml, but must be :text or :json/)
    end
  end

  describe "lines of librdkafka and the engine" do
    let(:pump) { Karafka::Engine::EventPump.new(nil) }

    before { Karafka::App.config.logger = json_logger }

    it "go through the same logger, and repeated ones are counted" do
      now = 0
      allow(Karafka::Clock).to receive(:now) { now }
      say = ->(number) { pump.handle(type: :log, level: "warn", target: "librdkafka", message: "broker 1 is away (after #{number} ms)") }
      20.times { |number| say[number] }
      now = 10
      say[99]
      expect(lines.map { |line| line["message"] }).to eq(
        ["librdkafka: broker 1 is away (after 0 ms)", "librdkafka: broker 1 is away (after 99 ms) (19 more since the last report)"]
      )
      expect(lines.last).to include("level" => "warn", "source" => "librdkafka", "repeated" => 19)
    end

    it "are all written at debug" do
      3.times { pump.handle(type: :log, level: "debug", target: "librdkafka", message: "fetch") }
      expect(lines.size).to eq(3)
    end
  end

  describe "a topic under load" do
    include OneTopic

    let(:every) { 10_000 }
    let(:listener) { Karafka::Instrumentation::LoggerListener.new(summary_every: every) }
    let(:consumer_class) { stub_const("OrdersConsumer", Class.new(Karafka::BaseConsumer) { def consume; end }) }
    let(:topic) { route(consumer_class).first }
    let(:assignment) { Struct.new(:consumer, :topic).new(consumer_class.new, topic) }

    before do
      @now = 0.0
      allow(Karafka::Clock).to receive(:now) { @now }
      Karafka::App.config.logger = Logger.new(log, level: :info, formatter: Karafka::Instrumentation::JsonFormatter.new)
    end

    # What the engine's thread reports each second.
    def tick
      listener.on_connection_listener_fetch_loop_received({ messages_buffer: Karafka::Instrumentation::MessagesBuffer.new })
    end

    # Doubles would take most of a spec's time here.
    def buffer(size, partition)
      values = { size: size, empty?: size.zero?, topic: "orders", partition: partition, first_offset: 0, last_offset: size - 1 }
      plain = Object.new
      values.each { |name, value| plain.define_singleton_method(name) { value } }
      plain.define_singleton_method(:metadata) { self }
      plain
    end

    def batch(size, partition: 0, failed: false)
      buffer = (@buffers ||= {})[[size, partition]] ||= buffer(size, partition)
      listener.on_connection_listener_fetch_loop_received({ messages_buffer: buffer, subscription_group: topic.subscription_group })
      lease = (@leases ||= {})[partition] ||= FakeLease.new([], partition: partition)
      job = Karafka::Worker::Job.new(0, 1, lease, assignment)
      job.failed = failed
      listener.on_worker_processed({ caller: self, job: job, time: 2.0 })
    end

    it "writes less than 100 lines in a minute at 100,000 messages a second, which account for every batch" do
      60_000.times do |number|
        batch(100, partition: number % 4)
        @now += 0.001
        tick if (number % 1_000).zero?
      end
      listener.on_app_stopping(nil)
      infos = lines
      summaries = infos.select { |line| line["interval_ms"] }
      expect(infos.size).to be < 100
      expect(summaries.sum { |line| line["messages"] } + 100).to eq(6_000_000)
      expect(summaries.sum { |line| line["finished"] } + 1).to eq(60_000)
      expect(summaries.first["message"]).to match(
        /\A\[app_0\] orders in 10.0 s: got \d+ messages in \d+ batches of 4 partitions; consume finished \d+ times, in 2.0 ms on average/
      )
      warn "  #{infos.size} lines at info in a minute of 6,000,000 messages" if ENV["KARAFKA_SHOW_FIGURES"]
    end

    it "has the lines of a batch where few come" do
      3.times do
        batch(5)
        @now += 11
        tick
      end
      expect(lines.map { |line| line["message"] }.grep(/Got 5 messages of orders/).size).to eq(3)
      expect(lines.map { |line| line["message"] }.grep(/finished in 2.0 ms/).size).to eq(3)
    end

    it "says at the next sign of life what came, also when no further batch does, and then begins anew" do
      batch(5)
      batch(7, failed: true)
      @now += 10
      tick
      expect(lines.last["message"]).to match(/got 7 messages in 1 batch of 1 partition; 1 failed\z/)
      @now += 10
      tick
      batch(5)
      expect(lines.last["message"]).to match(/finished in 2.0 ms/)
    end

    context "where each batch is wanted" do
      let(:every) { false }

      it "has the lines of each" do
        3.times { batch(5) }
        expect(lines.size).to eq(6)
      end
    end

    it "knows milliseconds and false" do
      expect { Karafka::Instrumentation::LoggerListener.new(summary_every: 0) }.to raise_error(ArgumentError, /summary_every is 0, but/)
    end
  end
end
