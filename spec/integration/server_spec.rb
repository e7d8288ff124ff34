# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "support/server_process"

RSpec.describe "karafka server" do
  include MockCluster

  before { broker.create_topic("orders", 1) }

  after do
    @server&.close
    close_cluster
  end

  def server(consume, settings: "", brokers: broker.bootstrap_servers, topic: "orders")
    @server = ServerProcess.new(<<~RUBY).start
      require "karafka"
      def out(text) = File.write(ENV.fetch("APP_OUTPUT"), "\#{text}\\n", mode: "a")

      class OrdersConsumer < Karafka::BaseConsumer
        def consume
          #{consume}
        end

        def shutdown = out("shutdown")
      end

      class KarafkaApp < Karafka::App
        setup do |config|
          config.kafka = { "bootstrap.servers": "#{brokers}" }
          config.concurrency = 2
          config.pause.timeout = 50
          config.pause.max_timeout = 50
          #{settings}
        end
        routes.draw { topic("#{topic}") { consumer OrdersConsumer } }
      end
      Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)
    RUBY
  end

  def offset = committed("app", "orders")

  %i[INT TERM QUIT].each do |name|
    it "finishes the running batch, commits and exits 0 on #{name}" do
      produce("orders", %w[1 2 3])
      server = server("out('begin'); sleep 0.3; out('end')")
      server.wait_for_output { |lines| lines.include?("begin") }
      server.signal(name)
      expect(server.wait).to eq(0)
      expect(server.output).to eq(%w[begin end shutdown])
      expect(server.log).to match(/Received SIG#{name}.*Stopping Karafka.*Stopped Karafka/m)
      expect(offset).to eq(3)
    end
  end

  it "exits 2 at once on a second signal, and says what was running" do
    produce("orders", %w[1])
    server = server("out('begin'); sleep")
    server.wait_for_output { |lines| lines.include?("begin") }
    server.signal(:TERM)
    server.wait_for_log(/Stopping Karafka/)
    again = Thread.new { loop { server.signal(:TERM) && sleep(0.1) } }
    expect(server.wait(seconds: 50)).to eq(2) # less than shutdown_timeout, which is 60 s
    expect(server.log).to match(%r{a second signal \(TERM\) came.*batch of orders/0.*worker \d runs consume of orders/0}m)
    expect(offset).to be_nil
  ensure
    again&.kill
  end

  it "takes signals that come together for one" do
    produce("orders", %w[1])
    server = server("out('begin'); sleep 1; out('end')")
    server.wait_for_output { |lines| lines.include?("begin") }
    %i[INT TERM TERM].each { |name| server.signal(name) }
    expect(server.wait).to eq(0)
    expect([server.output, offset]).to eq([%w[begin end shutdown], 1])
  end

  it "exits 2 when shutdown_timeout has passed" do
    produce("orders", %w[1])
    server = server("out('begin'); sleep", settings: "config.shutdown_timeout = 1_000")
    server.wait_for_output { |lines| lines.include?("begin") }
    server.signal(:TERM)
    expect(server.wait).to eq(2)
    expect(server.log).to match(/shutdown_timeout \(1000 ms\) has passed/)
  end

  it "commits what is done on other partitions when it exits 2" do
    broker.create_topic("bills", 2)
    settings = 'config.shutdown_timeout = 1_000; config.kafka[:"auto.commit.interval.ms"] = 600_000'
    server = server("out(partition); sleep if partition.zero?", settings: settings, topic: "bills")
    server.wait_for_log(/assigned bills/)
    [0, 1].each { |partition| produce("bills", [partition.to_s], partition: partition) }
    server.wait_for_log(%r{consume by OrdersConsumer on bills/1 finished})
    server.wait_for_output { |lines| lines.sort == %w[0 1] }
    server.signal(:TERM)
    expect(server.wait).to eq(2)
    expect([0, 1].map { |partition| committed("app", "bills", partition) }).to eq([nil, 1])
  end

  it "lets the batch end after TSTP and runs its shutdown, takes no more, and still stops" do
    server = server("out(messages.first.raw_payload)")
    server.wait_for_log(/assigned orders\[0\]/)
    produce("orders", %w[1])
    server.wait_for_output { |lines| lines == %w[1] }
    server.signal(:TSTP)
    server.wait_for_log(/Reached quiet mode/)
    expect(server.output).to eq(%w[1 shutdown])
    produce("orders", %w[2])
    server.signal(:TERM)
    expect(server.wait).to eq(0)
    expect(server.output).to eq(%w[1 shutdown])
    expect(offset).to eq(1)
  end

  it "logs what every thread does, and the engine's state, on TTIN" do
    server = server("nil")
    server.wait_for_log(/assigned orders\[0\]/)
    server.signal(:TTIN)
    server.wait_for_log(/Thread karafka\.worker#1.*Engine \{.*orders/m)
    server.signal(:TERM)
    expect(server.wait).to eq(0)
  end

  it "exits with the status of an exit in a consumer, without committing its batch" do
    produce("orders", %w[1])
    expect(server("exit(3)").wait).to eq(3)
    expect(offset).to be_nil
  end

  it "goes on after whatever a consumer raises" do
    produce("orders", %w[1])
    server = server("out(attempt); raise(Exception, 'no') if attempt < 3")
    server.wait_for_output { |lines| lines == %w[1 2 3] }
    server.wait_for_log(%r{consumer.consume.error in OrdersConsumer on orders/0: Exception: no})
    server.signal(:TERM)
    expect(server.wait).to eq(0)
    expect(offset).to eq(1)
  end

  it "says what to look at when no broker can be reached, goes on trying, and stops cleanly" do
    server = server("nil", brokers: "127.0.0.1:1")
    server.wait_for_log(/all brokers are down: nothing listens there\. Is Kafka running/)
    server.signal(:TERM)
    expect(server.wait).to eq(0)
    expect(server.log.scan("all brokers are down").size).to eq(1)
  end

  it "stops within 0.3 s when it is idle" do
    # The target is 0.3 on a quiet machine.
    took = shortest(1.0) do
      server = server("nil")
      server.wait_for_log(/assigned orders\[0\]/)
      started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      server.signal(:TERM)
      server.wait
      seconds = Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
      server.close
      seconds
    end
    expect(took).to be < 1.0
  end
end
