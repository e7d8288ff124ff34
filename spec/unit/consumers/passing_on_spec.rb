# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe "passing messages on from a consumer" do
  include OneTopic

  let(:sent) { [] }

  before do
    Karafka.monitor.subscribe("error.occurred") { nil }
  end

  def serve(klass, lease = FakeLease.new(%w[{"a":1} 2], keys: ["k", nil], headers: [{ "h" => "v" }, nil]), &)
    routes = route(klass, &)
    producer = WaterDrop::Producer.new do |config|
      config.deliver = false
      config.kafka = { "bootstrap.servers": "127.0.0.1:9" }
    end
    %w[sync async].each do |way|
      producer.monitor.subscribe("message.produced_#{way}") { |event| sent << event[:message] }
      producer.monitor.subscribe("messages.produced_#{way}") { |event| sent.concat(event[:messages]) }
    end
    Karafka::App.config.producer = producer
    Karafka::Coordinator.new(routes).fetch(lease).consume(lease)
  end

  def consumer(&) = Class.new(Karafka::BaseConsumer, &)

  describe "pipe" do
    it "sends the bytes, the key or the partition, and where they come from" do
      serve(consumer { def consume = pipe_many_async(topic: :stock, messages: messages) })
      source = { "source_topic" => "orders", "source_partition" => "0", "source_consumer_group" => "app" }
      expect(sent).to eq([
                           { topic: "stock", payload: '{"a":1}', key: "k", headers: { "h" => "v", **source, "source_offset" => "0" } },
                           { topic: "stock", payload: "2", partition_key: "0", headers: { **source, "source_offset" => "1" } }
                         ])
    end

    it "lets the consumer change what is sent, and goes one by one, waiting or not" do
      klass = consumer do
        def consume
          pipe_sync(topic: "a", message: messages.first)
          pipe_async(topic: "b", message: messages.last)
          pipe_many_sync(topic: "c", messages: [messages.last])
        end

        private

        def enhance_pipe_message(piped, message) = piped[:headers]["at"] = message.offset.to_s
      end
      serve(klass)
      expect(sent.map { |message| [message[:topic], message[:headers]["at"]] }).to eq([%w[a 0], %w[b 1], %w[c 1]])
    end
  end

  describe "dispatch_to_dlq" do
    it "sends it as a dead letter, and marks nothing" do
      told = []
      Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |event| told << [event[:message].offset, event[:topic]] }
      lease = FakeLease.new(%w[1 2], keys: %w[k k])
      serve(consumer { def consume = dispatch_to_dlq(messages.last) }, lease) { dead_letter_queue topic: "dead" }
      expect(sent.map { |dead| [dead[:topic], dead[:payload], dead[:key], dead[:headers]["source_reason"]] }).to eq([%w[dead 2 k dispatch]])
      expect([told, lease.marked]).to eq([[[1, "dead"]], []])
    end

    it "counts the attempts of a retry topic once, in the header and in the event" do
      told = []
      Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |event| told << event[:attempt] }
      attempts = []
      klass = consumer do
        define_method(:consume) do
          attempts << attempt
          dispatch_to_dlq(messages.last)
        end
      end
      route(klass) do
        dead_letter_queue topic: "dead", max_retries: 0
        retry_topics delays: [10]
      end
      stage = Karafka::App.routes.topics.first.retry_stages.first
      # It has failed once in its own topic, and this is the first attempt in the retry topic.
      lease = FakeLease.new(%w[1], headers: [{ "source_attempts" => "1" }])
      producer = WaterDrop::Producer.new { |config| config.client_class = WaterDrop::Clients::Buffered }
      Karafka::App.config.producer = producer
      Karafka::Coordinator.new(OneTopic::Routes.new(stage)).fetch(lease).consume(lease)
      expect(attempts).to eq([2])
      expect(producer.client.messages.map { |dead| dead[:headers]["source_attempts"] }).to eq(["2"])
      expect(told).to eq([2])
    end

    it "uses a producer that the consumer gives in a private method" do
      other = WaterDrop::Producer.new do |config|
        config.deliver = false
        config.kafka = { "bootstrap.servers": "127.0.0.1:9" }
      end
      elsewhere = []
      other.monitor.subscribe("message.produced_async") { |event| elsewhere << event[:message][:topic] }
      klass = consumer do
        def consume = dispatch_to_dlq(messages.last)
        define_method(:producer) { other }
        private :producer
      end
      serve(klass) { dead_letter_queue topic: "dead" }
      expect([sent, elsewhere]).to eq([[], ["dead"]])
    end

    it "says what it left out where the queue has no topic" do
      told = []
      Karafka.monitor.subscribe("consumer.consuming.skipped") { |event| told << event[:message].offset }
      serve(consumer { def consume = dispatch_to_dlq(messages.first) }) { dead_letter_queue topic: false }
      expect([sent, told]).to eq([[], [0]])
    end

    it "is refused without a queue" do
      expect { serve(consumer { def consume = dispatch_to_dlq(messages.first) }) }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /orders has no dead_letter_queue/)
    end
  end

  describe "producer=" do
    it "replaces the application's until it is set back" do
      other = WaterDrop::Producer.new { |config| config.deliver = false }
      seen = []
      klass = consumer do
        define_method(:consume) { seen << producer }
        define_method(:wrap) do |_action, &block|
          default = producer
          self.producer = other
          block.call
          self.producer = default
          seen << producer
        end
      end
      serve(klass)
      expect(seen).to eq([other, Karafka.producer])
    end
  end
end
