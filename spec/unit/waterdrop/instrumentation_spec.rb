# frozen_string_literal: true

require "waterdrop"

RSpec.describe WaterDrop::Instrumentation do
  let(:producer) do
    WaterDrop::Producer.new do |config|
      config.id = "p1"
      config.deliver = false
    end
  end

  it "tells what it does" do
    seen = []
    names = %w[producer.connected message.produced_async message.produced_sync messages.produced_sync messages.produced_async
               message.buffered messages.buffered buffer.flushed_sync buffer.flushed_async buffer.purged producer.closing producer.closed]
    names.each { |name| producer.monitor.subscribe(name) { |event| seen << [event.id, event[:producer_id]] } }
    message = { topic: "t", payload: "x" }
    producer.produce_async(message)
    producer.produce_sync(message)
    producer.produce_many_sync([message])
    producer.produce_many_async([message])
    producer.buffer(message)
    producer.flush_sync
    producer.buffer_many([message])
    producer.flush_async
    producer.buffer(message)
    producer.purge
    producer.close
    expect(seen.map(&:first).uniq).to match_array(names)
    expect(seen.map(&:last).uniq).to eq(["p1"])
  end

  it "tells a bus and a monitor of the application's own" do
    bus = WaterDrop::Instrumentation::Notifications.new
    # Without `listeners` and `listening?`, as ActiveSupport::Notifications.
    plain = Struct.new(:bus) do
      def instrument(...) = bus.instrument(...)
      def subscribe(...) = bus.subscribe(...)
    end
    seen = []
    [bus, plain.new(bus)].each do |given|
      made = WaterDrop::Producer.new do |config|
        config.deliver = false
        config.monitor = WaterDrop::Instrumentation::Monitor.new(given)
      end
      made.monitor.subscribe("message.produced_async") { |event| seen << event[:message][:payload] }
      made.produce_async(topic: "t", payload: "x")
      made.close
    end
    # The first one's subscriber hears of the second one's message as well.
    expect(seen).to eq(%w[x x x])
  end

  it "measures, and leaves out nothing that a subscriber needs" do
    event = nil
    producer.monitor.subscribe("messages.produced_sync") { |it| event = it }
    producer.produce_many_sync([{ topic: "t", payload: "x" }])
    expect(event[:messages]).to eq([{ topic: "t", payload: "x" }])
    expect(event[:time]).to be_a(Float)
  end

  it "refuses unknown events" do
    expect do
      producer.monitor.subscribe("message.produced") do
        nil
      end
    end.to raise_error(Karafka::Errors::EventNotRegisteredError, /Did you mean/)
    expect { producer.monitor.subscribe("poller.producer_registered") { nil } }.to raise_error(Karafka::Errors::UnsupportedFeatureError)
  end

  it "writes to a logger" do
    log = StringIO.new
    producer.monitor.subscribe(described_class::LoggerListener.new(Logger.new(log), log_messages: false))
    producer.produce_sync(topic: "orders", payload: "secret")
    producer.produce_many_async([{ topic: "orders", payload: nil }, { topic: "other", payload: nil }])
    producer.close
    expect(log.string).to match(/\[p1\] Sync producing of a message to 'orders' topic took \d/)
    expect(log.string).to include("Async producing of 2 messages to 'orders', 'other'").and include("Closed producer")
    expect(log.string).not_to include("secret")
  end

  it "takes a monitor that cannot say whether anybody listens" do
    monitor = Struct.new(:seen) do
      def subscribe(*); end

      def instrument(name, _payload = {})
        seen << name
        yield if block_given?
      end
    end.new([])
    made = WaterDrop::Producer.new do |config|
      config.deliver = false
      config.monitor = monitor
    end
    expect(made.produce_sync(topic: "t", payload: nil)).to be_delivered
    expect(monitor.seen).to include("message.produced_sync")
  end

  describe "of the process" do
    after { WaterDrop.monitor.clear }

    it "tells of every producer and pool, and not of what is behind them" do
      seen = []
      described_class::GLOBAL_EVENTS.each do |name, keys|
        WaterDrop.monitor.subscribe(name) { |event| seen << [name, event.payload.keys - keys, keys - event.payload.keys] }
      end
      WaterDrop.monitor.subscribe("producer.configured") { |event| event[:producer].middleware.append(->(it) { it.merge(key: "k") }) }
      made = WaterDrop::Producer.new { |config| config.client_class = WaterDrop::Clients::Buffered }
      made.with(topic_config: { acks: 1 }).produce_sync(topic: "t", payload: nil)
      WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1" } }.with(topic_config: { acks: 1 })
      expect(made.client.messages).to eq([{ topic: "t", payload: nil, key: "k" }])
      pool = WaterDrop::ConnectionPool.setup { |config| config.deliver = false }
      pool.reload
      2.times { WaterDrop::ConnectionPool.close }
      2.times { pool.close }
      expect(seen.map(&:first)).to eq(%w[producer.created producer.configured producer.created producer.configured] +
        %w[created setup reload reloaded shutdown].map { |name| "connection_pool.#{name}" })
      expect(seen.flat_map { |_, more, less| more + less }).to eq([])
      expect(WaterDrop.instrumentation).to equal(WaterDrop.monitor)
    end
  end
end
