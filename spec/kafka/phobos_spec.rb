# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/adapter_application"

# An application as one writes it with phobos: phobos.yml, phobos_boot.rb, `phobos start`, on real Kafka.
RSpec.describe "an application of phobos on real Kafka", deadline: 240 do
  include RealKafka
  include AdapterApplication

  let(:notes) { "def note(text) = File.write(ENV.fetch(\"OUTPUT\"), \"\#{text}\\n\", mode: \"a\")\n" }
  let(:topic) { cluster.create_topic(partitions: 2) }
  let(:target) { cluster.create_topic }
  let(:delivery) { "batch" }
  let(:listeners) { "[{ handler: TheHandler, topic: #{topic}, group_id: #{group}, delivery: #{delivery} }]" }
  let(:yaml) { <<~YAML }
    logger: { file: log/phobos.log, level: info }
    kafka:
      client_id: <%= "from-" + "erb" %>
      seed_brokers: ["#{cluster.bootstrap_servers}"]
      connect_timeout:
    producer:
      required_acks: :all
      max_buffer_size: 1000
      delivery_interval: 0
    consumer: { session_timeout: 30, offset_commit_interval: 1, offset_commit_threshold: 0, heartbeat_interval: 3 }
    backoff: { min_ms: 100, max_ms: 300 }
    listeners: #{listeners}
  YAML
  let(:boot) { notes + handler + <<~RUBY }
    if defined?(ActiveSupport::Notifications)
      ActiveSupport::Notifications.subscribe(/\\Aphobos\\./) do |name, _, _, _, payload|
        note("event \#{name} \#{payload[:retry_count]} \#{payload[:waiting_time]}")
      end
    end
  RUBY
  let(:handler) { <<~RUBY }
    class TheHandler
      include Phobos::Handler
      include Phobos::Producer

      def self.start(kafka_client) = note("start \#{kafka_client.class}")
      def self.stop = note("stop")

      def around_consume(payload, metadata)
        yield payload.upcase, metadata
      end

      def consume(payload, metadata)
        note([payload, *metadata.values_at(:key, :partition, :offset, :retry_count, :topic, :group_id, :headers), object_id != @@last].inspect)
        @@last = object_id
        raise "not yet" if payload == "BAD" && metadata[:retry_count] < 3
        raise Phobos::AbortError, "enough" if payload == "ABORT"

        producer.publish(topic: "#{target}", payload: payload, key: metadata[:key], headers: { n: 1 })
        self.class.producer.async_publish_list([{ topic: "#{target}", payload: "again" }])
      end
      @@last = nil
    end
  RUBY
  let(:app) { application("config/phobos.yml" => yaml, "phobos_boot.rb" => boot) }

  after do
    app.close
    @producer&.close
  end

  def send_all(*payloads, partition: 0)
    message = { topic: topic, key: "k", headers: { "h" => "x" }, partition: partition }
    producer.produce_many_sync(payloads.map { |payload| { **message, payload: payload } })
  end

  def lines = app.output.grep(/\A\[/)
  def events = app.output.grep(/\Aevent/).map { |line| line.split[1].delete_prefix("phobos.") }

  %w[batch message].each do |way|
    context "with delivery #{way}" do
      let(:delivery) { way }

      it "gives each message to a new handler, repeats what failed, and is stopped by TERM" do
        send_all("one", "bad", "two")
        app.start("phobos", "start")
        app.wait_for_output { |all| all.grep(/"TWO"/).any? }
        expect(app.stop).to eq(0), app.read("stdout")
        expected = [["ONE", 0, 0], ["BAD", 1, 0], ["BAD", 1, 1], ["BAD", 1, 2], ["BAD", 1, 3], ["TWO", 2, 0]]
        expect(lines).to eq(expected.map do |value, offset, retries|
                              [value, "k", 0, offset, retries, topic, group, { "h" => "x" }, true].inspect
                            end)
        expect([app.output.grep(/\Astart/), app.output.grep(/\Astop/)]).to eq([["start Kafka::Client"], ["stop"]])
        expect([committed(topic), cluster.watermarks(target)[0].last]).to eq([3, 6])
        expect(app.read("log/phobos.log")).to include("Phobos configured", "Listener started", "error processing message, waiting 100 ms",
                                                      "waiting 200 ms", "waiting 300 ms", "Listener stopped", "Executor stopped")
      end
    end
  end

  it "tells its events" do
    send_all("one", "bad")
    app.start("phobos", "start")
    app.wait_for_output { |all| all.grep(/"BAD".*, 3, "/).any? }
    app.stop
    expect(app.output.grep(/retry_handler_error/)).to eq(["event phobos.listener.retry_handler_error 0 0.1",
                                                          "event phobos.listener.retry_handler_error 1 0.2",
                                                          "event phobos.listener.retry_handler_error 2 0.3"])
    expect(events.uniq).to contain_exactly(
      *%w[listener.start_handler listener.start listener.process_batch listener.process_message listener.retry_handler_error
          listener.stopping listener.stop_handler listener.stop executor.stop]
    )
  end

  it "tells listener.retry_aborted where it is stopped in a retry, and at an AbortError" do
    send_all("abort", "never")
    app.start("phobos", "start")
    app.wait_for_output { |all| all.include?("stop") }
    expect(events).to include("listener.retry_aborted")
    expect([app.stop, lines.size, committed(topic).to_i]).to eq([0, 1, 0])
  end

  context "with a BatchHandler" do
    let(:delivery) { "inline_batch" }
    let(:handler) { <<~RUBY }
      class TheHandler
        include Phobos::BatchHandler

        def around_consume_batch(payloads, metadata)
          yield payloads, metadata.merge(around: true)
        end

        def consume_batch(payloads, metadata)
          note([payloads.map { |one| [one.class.name, one.payload, one.key, one.partition, one.offset, one.headers] },
                metadata.values_at(:batch_size, :retry_count, :around)].inspect)
          raise "not yet" if metadata[:retry_count] < 1
        end
      end
    RUBY

    it "repeats the whole batch" do
      send_all("a", "b")
      app.start("phobos", "start")
      app.wait_for_output { |_| lines.size == 2 }
      app.stop
      batch = %w[a b].each_with_index.map do |value, offset|
        "[\"Phobos::BatchMessage\", \"#{value}\", \"k\", 0, #{offset}, {\"h\"=>\"x\"}]"
      end
      expect(lines).to eq([0, 1].map { |retries| "[[#{batch.join(", ")}], [2, #{retries}, true]]" })
      expect(events).to include("listener.process_batch_inline", "listener.retry_handler_error_batch")
      expect(committed(topic)).to eq(2)
    end
  end

  it "takes more listeners with -l, other files with -c and -b, and runs each max_concurrency times" do
    other = cluster.create_topic
    app.write("more.yml", "listeners: [{ handler: TheHandler, topic: #{other}, group_id: #{group}-2, max_concurrency: 2, " \
                          "backoff: { min_ms: 1, max_ms: 2 } }]")
    FileUtils.mv(app.path("config/phobos.yml"), app.path("mine.yml"))
    FileUtils.mv(app.path("phobos_boot.rb"), app.path("mine.rb"))
    app.start("phobos", "start", "-c", "mine.yml", "-b", "mine.rb", "-l", "more.yml")
    app.wait_for_output { |all| all.grep(/\Astart/).size == 3 }
    send_all("one")
    producer.produce_sync(topic: other, payload: "else")
    app.wait_for_output { |all| all.grep(/"ONE"/).any? && all.grep(/"ELSE"/).any? }
    expect(app.stop("INT")).to eq(0)
    expect(app.output.grep(/\Astop/).size).to eq(3)
  end

  it "is configured by its boot file with --skip-config" do
    app.write("phobos_boot.rb",
              "#{boot}\nPhobos.configure(YAML.load(ERB.new(File.read(\"config/phobos.yml\")).result, permitted_classes: [Symbol]))")
    send_all("one")
    app.start("phobos", "start", "--skip-config")
    app.wait_for_output { |all| all.grep(/"ONE"/).any? }
    expect(app.stop).to eq(0)
  end

  it "is a library as well: Phobos.configure, Listener#start and #stop, several at once" do
    require "karafka/compat/phobos"
    seen = Queue.new
    handler = stub_const("Seen", Class.new { include Phobos::Handler }.tap do |klass|
                                   klass.define_method(:consume) do |payload, _|
                                     seen << payload
                                   end
                                 end)
    Phobos.configure(kafka: { seed_brokers: [cluster.bootstrap_servers] }, backoff: { min_ms: 1 }, custom_logger: Logger.new(File::NULL))
    listeners = [topic, target].map { |name| Phobos::Listener.new(handler: handler, group_id: group, topic: name) }
    threads = listeners.map { |listener| Thread.new { listener.start } }
    [topic, target].each { |name| producer.produce_sync(topic: name, payload: name) }
    expect([seen.pop, seen.pop]).to contain_exactly(topic, target)
    listeners.each(&:stop)
    expect(threads.map { |thread| thread.join(30) }).to all(be_a(Thread))
    expect(listeners.map { |listener| [listener.id.size, listener.should_stop?, listener.group_id] }).to all(eq([6, true, group]))
  end
end
