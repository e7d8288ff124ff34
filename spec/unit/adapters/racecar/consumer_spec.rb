# frozen_string_literal: true

require "karafka/compat/racecar"

RSpec.describe Racecar::Consumer do
  # Keeps what it is given; a topic "refused" fails.
  let(:handle) { Struct.new(:topic) { def wait(**) = (raise WaterDrop::Errors::ProduceError, "no" if topic == "refused") } }
  let(:sent) { [] }
  let(:waterdrop) do
    kept = sent
    handles = handle
    Object.new.tap { |made| made.define_singleton_method(:produce_async) { |message| kept << message and handles.new(message[:topic]) } }
  end
  let(:producer) do
    Racecar::Producer.new(config: Racecar::Config.new(env: {}), instrumenter: Racecar::NullInstrumenter).tap do |made|
      made.instance_variable_set(:@waterdrop, waterdrop)
    end
  end
  let(:consumer) { consumer_class.new.tap { |made| made.configure(producer: producer) } }
  let(:consumer_class) do
    Class.new(described_class) do
      subscribes_to "a", "b"
      subscribes_to "c", start_from_beginning: false, max_bytes_per_partition: 5, additional_config: { "fetch.min.bytes" => 1 }

      # As many do: without super.
      def initialize = @mine = true
    end
  end

  it "subscribes to topics, from the beginning and 1 MiB for each partition unless it says otherwise" do
    expect(consumer_class.subscriptions.map(&:to_a))
      .to eq([["a", true, 1_048_576, {}], ["b", true, 1_048_576, {}], ["c", false, 5, { "fetch.min.bytes" => 1 }]])
    expect(Class.new(described_class).subscriptions).to eq([])
  end

  it "has group_id, max_wait_time, fetch_messages and parallel_workers as settings of the class" do
    names = %i[group_id max_wait_time fetch_messages parallel_workers]
    names.each { |name| consumer_class.public_send(:"#{name}=", 1) }
    expect(names.map { |name| consumer_class.public_send(name) }).to eq([1, 1, 1, 1])
  end

  it "produces with key, partition, partition_key, headers and create_time" do
    time = Time.at(5)
    consumer.produce("v", topic: :out, key: "k", partition: 1, partition_key: "p", headers: { a: "b" }, create_time: time)
    consumer.produce(nil, topic: "out")
    expect(sent).to eq([
                         { topic: "out", payload: "v", key: "k", partition: 1, partition_key: "p", headers: { "a" => "b" },
                           timestamp: time },
                         { topic: "out", payload: nil }
                       ])
  end

  it "waits for all of it in deliver!; what failed is raised once, as its messages come again" do
    consumer.produce("v", topic: "refused")
    consumer.produce("v", topic: "out")
    expect { consumer.deliver! }.to raise_error(Racecar::MessageDeliveryError, "Message delivery to refused failed: no")
    expect(consumer.deliver!).to be_nil
  end

  it "sends headers of any class as text" do
    consumer.produce("v", topic: "out", headers: { a: 1, "b" => nil })
    expect(sent.last[:headers]).to eq("a" => "1", "b" => "")
  end

  it "raises what cannot be sent as a MessageDeliveryError, and leaves the size to librdkafka and the brokers" do
    real = Racecar::Producer.new(config: Racecar::Config.new(env: {}), instrumenter: Racecar::NullInstrumenter)
    expect { real.produce_async("v", topic: "no name") }
      .to raise_error(Racecar::MessageDeliveryError, /no name failed: message\[:topic\]/) { |error|
            expect(error.code).to be_nil
          }
    expect(real.waterdrop.config.max_payload_size).to eq(100_000_000)
  ensure
    real.close
  end

  it "has a teardown that does nothing, and a heartbeat that says it is not needed" do
    expect(consumer.teardown).to be_nil
    log = StringIO.new
    Racecar.logger = Logger.new(log)
    2.times { consumer.heartbeat }
    expect(log.string.scan("calls `heartbeat`, which is not needed").size).to eq(1)
  ensure
    Racecar.config = nil
  end

  it "is tested as any class" do
    klass = Class.new(described_class) { def process(message) = message.value.upcase }
    expect(klass.new.process(Struct.new(:value).new("john"))).to eq("JOHN")
  end

  describe "Racecar.produce_sync, produce_async, wait_for_delivery" do
    before { Racecar.instance_variable_set(:@producer, producer) }

    after do
      Racecar.instance_variable_set(:@producer, nil)
      Racecar.config = nil
    end

    it "produce_sync sends, waits, and raises what went wrong" do
      Racecar.produce_sync(value: "v", topic: "out", key: "k")
      expect(sent).to eq([{ topic: "out", payload: "v", key: "k" }])
      expect { Racecar.produce_sync(value: "v", topic: "refused") }.to raise_error(Racecar::MessageDeliveryError)
    end

    it "produce_async does not wait, with value: or with the value first" do
      Racecar.produce_async(value: "v", topic: "refused")
      Racecar.produce_async("w", topic: "refused")
      expect(sent.map { |message| message[:payload] }).to eq(%w[v w])
    end

    it "wait_for_delivery waits for what its thread sends in the block" do
      expect(Racecar.wait_for_delivery { Racecar.produce_async(value: "v", topic: "out") && 5 }).to be_nil
      expect do
        Racecar.wait_for_delivery do
          Racecar.produce_async(value: "v", topic: "refused")
        end
      end.to raise_error(Racecar::MessageDeliveryError)
      Racecar.wait_for_delivery { Thread.new { Racecar.produce_async(value: "v", topic: "refused") }.join }
    end

    it "tells produce_message.racecar and deliver_messages.racecar" do
      events = []
      backend = Object.new
      backend.define_singleton_method(:instrument) { |name, payload, &block| events << [name, payload] and block.call(payload) }
      handle.define_method(:on_delivery) { |&block| block.call(WaterDrop::DeliveryReport.new(1, 2, "out")) }
      waterdrop.define_singleton_method(:queue_size) { 3 }
      producer.instance_variable_set(:@instrumenter, Racecar::Instrumenter.new(default_payload: { client_id: "c" }, backend: backend))
      Racecar.wait_for_delivery { Racecar.produce_async(value: "vv", topic: "out", key: "k") }
      expect(events).to match([
                                ["produce_message.racecar", hash_including(client_id: "c", topic: "out", value: "vv", key: "k",
                                                                           message_size: 2, buffer_size: 3)],
                                ["acknowledged_message.racecar", { client_id: "c", topic: "out", partition: 1, offset: 2 }],
                                ["deliver_messages.racecar", { client_id: "c", delivered_message_count: 1 }]
                              ])
    end
  end
end
