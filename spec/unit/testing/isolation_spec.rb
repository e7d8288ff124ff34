# frozen_string_literal: true

require "open3"
require "rbconfig"
require "support/testing_kit"

RSpec.describe Karafka::Testing::Buffering do
  include TestingKit

  # @return [String] what a process of its own prints
  def ruby(code, *options)
    out, status = Open3.capture2e(RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), *options, "-e", code)
    expect([status.success?, out]).to match([true, kind_of(String)]), out
    out
  end

  def set_up(more = "")
    <<~RUBY
      #{more}
      class OrdersConsumer < Karafka::BaseConsumer
        def consume = produce_sync(topic: "out", payload: "1")
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "127.0.0.1:1" }
        config.logger = Logger.new(nil)
      end
      Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
    RUBY
  end

  describe "loading" do
    it "happens only by require, under each of its names, without RSpec or Minitest, a thread or a broker" do
      %w[karafka-testing karafka/testing karafka/testing/errors karafka/testing/helpers].each do |name|
        code = "require 'karafka'; abort 'too soon' if defined?(Karafka::Testing); require '#{name}'; " \
               "p [defined?(Karafka::Testing), defined?(RSpec), defined?(Minitest), Thread.list.size]"
        expect(ruby(code)).to eq(%(["expression", nil, nil, 1]\n).sub("expression", "constant")), name
      end
    end

    it "says in one sentence how, where it was not loaded" do
      code = "require 'karafka'; begin; Karafka::Testing::RSpec; rescue NameError => e; puts e.message; end"
      expect(ruby(code)).to start_with('Karafka::Testing is loaded by `require "karafka/testing/rspec/helpers"`')
    end

    it "takes the producer that the application has already" do
      code = "Karafka.producer; require 'karafka/testing'; p Karafka.producer.produce_sync(topic: 'x', payload: '1').offset"
      expect(ruby(set_up("require 'karafka'") + code)).to eq("0\n")
    end
  end

  it "keeps what is sent outside of examples, such as in hooks of a group, away from Kafka and from them" do
    application { nil }
    others = Karafka::Testing::Buffering.current
    described_class.end(others)
    expect([Karafka.producer.produce_sync(topic: "x", payload: "1").offset, karafka.produced_messages]).to eq([0, []])
    expect(Karafka.producer.status.connected?).to be(false)
  ensure
    described_class.begin(others)
  end

  it "keeps what a producer that the application was given sends" do
    application { nil }
    Karafka::App.config.producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1" } }
    Karafka.producer.produce_sync(topic: "x", payload: "1")
    expect(karafka).to have_produced("x")
  end

  it "leaves other producers, and doubles, alone" do
    application { nil }
    mine = WaterDrop::Producer.new { |config| config.deliver = false }
    mine.produce_sync(topic: "x", payload: "1")
    double = double(produce_async: :sent, close: nil)
    Karafka::App.config.producer = double
    expect([karafka.produced_messages, Karafka.producer.produce_async({})]).to eq([[], :sent])
  end

  it "lets a test have a client of its own" do
    application { nil }
    own = WaterDrop::Clients::Buffered.new(Karafka.producer)
    allow(Karafka.producer).to receive(:client).and_return(own)
    Karafka.producer.produce_sync(topic: "x", payload: "1")
    expect([own.messages.size, karafka.produced_messages]).to eq([1, []])
  end

  it "connects within Testing.deliver, and not behind it" do
    application { nil }
    connected = Karafka::Testing.deliver do
      Karafka.producer.produce_async(topic: "x", payload: "1")
      Karafka.producer.status.connected?
    end
    Karafka.producer.produce_sync(topic: "x", payload: "2")
    expect([connected, karafka.produced_messages.map { |one| one[:payload] }]).to eq([true, %w[2]])
  ensure
    Karafka.producer.close(0)
  end

  it "does nothing in karafka server" do
    application { nil }
    allow(Karafka::Server).to receive(:status).and_return(:running)
    Karafka.producer.produce_async(topic: "x", payload: "1")
    expect([Karafka.producer.status.connected?, karafka.produced_messages]).to eq([true, []])
  ensure
    Karafka.producer.close(0)
  end

  it "keeps tests apart that run in threads at the same time" do
    orders(consumer_class { def consume = produce_async(topic: "out", payload: messages.first.raw_payload) })
    results = Array.new(8) do |number|
      Thread.new do
        session = Karafka::Testing::Session.new
        described_class.begin(session)
        consumer = session.consumer_for(:orders)
        20.times { |index| session.produce_to(consumer, "#{number}.#{index}") }
        session.run(consumer)
        consumer.consume
        session.produced_messages.map { |one| one[:payload][/\A\d+/] }.tally
      ensure
        described_class.end(session)
      end
    end.map(&:value)
    expect(results).to eq(Array.new(8) { |number| { number.to_s => 22 } })
  end

  it "gives a test what its own threads send" do
    application { nil }
    Array.new(3) { Thread.new { Karafka.producer.produce_sync(topic: "x", payload: "1") } }.each(&:join)
    expect(karafka).to have_produced("x").times(3)
  end

  it "works in a forked process, as parallel tests have it" do
    orders
    karafka.consumer_for(:orders)
    karafka.produce("1")
    reader, writer = IO.pipe
    pid = fork do
      karafka.produce("2")
      writer.write(karafka.produced_messages.size)
      exit!(0)
    end
    writer.close
    Process.wait(pid)
    expect([reader.read, karafka.produced_messages.size]).to eq(["2", 1])
  end

  it "leaves no thread behind" do
    before = Thread.list
    orders { exactly_once true }
    consumer = karafka.consumer_for(:orders)
    karafka.produce("1")
    karafka.run(consumer)
    expect(Thread.list - before).to eq([])
  end

  it "takes at most a millisecond for a consumer, a message and its processing" do
    orders(consumer_class { def consume = messages.each(&:payload) })
    started = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
    1_000.times do
      consumer = karafka.consumer_for(:orders)
      karafka.produce('{"id":1}')
      consumer.consume
    end
    seconds = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - started
    RSpec.configuration.reporter.message("1,000 × (consumer_for + produce + consume): #{seconds.round(2)} s of CPU")
    # Of the processor: the machine may be busy with something else.
    expect(seconds).to be <= 1.0 * GCStress.patience
  end
end
