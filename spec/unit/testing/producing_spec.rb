# frozen_string_literal: true

require "support/testing_kit"

RSpec.describe Karafka::Testing::Session do
  include TestingKit

  describe "#produce" do
    context "without a topic" do
      before { orders }

      context "when the test has a `consumer`" do
        let(:consumer) { karafka.consumer_for(:orders) }

        it "sends to that one's topic" do
          karafka.produce("1")
          expect([karafka.produced_messages.first[:topic], consumer.messages.payloads]).to eq(["orders", [1]])
        end
      end

      context "when the test has a subject" do
        subject { karafka.consumer_for(:orders) }

        it "sends to that one's topic" do
          karafka.produce("1")
          expect(subject.messages.payloads).to eq([1])
        end
      end

      context "when both are something else" do
        subject(:consumer) { raise "of another kind" if @raises }

        it "sends to the topic of the one that was built last" do
          first, last = Array.new(2) { karafka.consumer_for(:orders) }
          karafka.produce("1")
          expect([first.messages, last.messages.payloads]).to eq([nil, [1]])
        end
      end

      it "prefers an instance variable, as Minitest's tests have it, to the last" do
        @consumer = karafka.consumer_for(:orders)
        karafka.consumer_for(:orders)
        karafka.produce("1")
        expect(@consumer.messages.payloads).to eq([1])
      end

      context "when the consumer produces while it is built" do
        let(:consumer) { karafka.consumer_for(:orders).tap { karafka.produce("0") } }

        it "takes the one that is being built" do
          karafka.produce("1")
          expect(consumer.messages.payloads).to eq([0, 1])
        end
      end

      it "does not touch RSpec's own subject, which may need arguments" do
        karafka.consumer_for(:orders)
        expect { karafka.produce("1") }.not_to raise_error
      end
    end

    it "says that it does not know where to" do
      orders
      expect { karafka.produce("1") }.to raise_error(Karafka::Testing::Errors::TopicNotFoundError, /give topic:, or build a consumer/)
    end

    it "sends to the topic that is given" do
      orders
      consumer = karafka.consumer_for(:orders)
      karafka.produce("1", topic: :others)
      expect([karafka.produced_messages.map { |one| one[:topic] }, consumer.messages]).to eq([["others"], nil])
    end

    it "goes through produce_sync, with middleware and checks" do
      orders
      karafka.consumer_for(:orders)
      Karafka.producer.middleware.append(->(message) { message.merge(headers: { "seen" => "yes" }) })
      allow(Karafka.producer).to receive(:produce_sync).and_call_original
      karafka.produce("1")
      expect(Karafka.producer).to have_received(:produce_sync).once
      expect(karafka.produced_messages.first[:headers]).to eq("seen" => "yes")
      expect { karafka.produce(1) }.to raise_error(WaterDrop::Errors::MessageInvalidError, /payload/)
    end

    it "takes what a message may have, also with names as Strings" do
      orders
      consumer = karafka.consumer_for(:orders)
      karafka.produce("1", "key" => "k", headers: { "a" => "b" }, timestamp: Time.at(5))
      message = consumer.messages.first
      expect([message.key, message.headers, message.timestamp]).to eq(["k", { "a" => "b" }, Time.at(5)])
      expect(karafka.produced_messages).to eq([{ topic: "orders", payload: "1", key: "k", headers: { "a" => "b" }, timestamp: Time.at(5) }])
    end

    it "keeps the offset for the consumer only" do
      orders
      consumer = karafka.consumer_for(:orders)
      karafka.produce("1", offset: 7)
      expect([karafka.produced_messages.first.keys, consumer.messages.first.offset]).to eq([%i[payload topic], 7])
    end
  end

  describe "delivery" do
    before do
      first, second = consumer_class, consumer_class("Mails") # rubocop:disable Style/ParallelAssignment
      application do
        consumer_group(:billing) { topic(:orders) { consumer(first) } }
        consumer_group(:mails) { topic(:orders) { consumer(second) } }
      end
    end

    let!(:billing) { karafka.consumer_for(:orders, :billing) }
    let!(:mails) { karafka.consumer_for(:orders, :mails) }

    it "is to nobody where two could be meant" do
      karafka.produce("1", topic: "orders")
      expect([billing.messages, mails.messages, karafka.produced_messages.size]).to eq([nil, nil, 1])
    end

    it "is to the group that is named" do
      karafka.produce("1", topic: "orders", consumer_group: :billing)
      expect([billing.messages.size, mails.messages]).to eq([1, nil])
    end

    it "is to the consumer that is named" do
      karafka.produce_to(billing, "1", key: "a", topic: "ignored")
      expect([billing.messages.first.key, mails.messages, karafka.produced_messages.first[:topic]]).to eq(["a", nil, "orders"])
    end

    it "wants a consumer of this test" do
      expect { karafka.produce_to(billing.class.new, "1") }
        .to raise_error(Karafka::Testing::Errors::ForeignConsumerError, /use karafka.consumer_for/)
    end
  end

  it "delivers what the code under test sends to a consumer's topic" do
    orders
    consumer = karafka.consumer_for(:orders)
    Karafka.producer.produce_async(topic: "orders", payload: "1")
    Karafka.producer.produce_many_sync([{ topic: "orders", payload: "2" }, { topic: "others", payload: "3" }])
    expect([consumer.messages.payloads, karafka.produced_messages.map { |one| one[:payload] }]).to eq([[1, 2], %w[1 2 3]])
  end

  describe "messages" do
    before { orders }

    let(:consumer) { karafka.consumer_for(:orders) }

    it "have defaults" do
      before = Time.now.floor(3) # as Kafka has times
      karafka.produce("1")
      message = consumer.messages.first
      expect([message.partition, message.headers, message.key, message.offset, message.topic]).to eq([0, {}, nil, 0, "orders"])
      expect([message.timestamp, message.received_at]).to all(be_between(before, Time.now))
    end

    it "are numbered; an offset that is given is of that message alone" do
      karafka.produce("1")
      karafka.produce("1", offset: 100)
      karafka.produce("1")
      expect(consumer.messages.map(&:offset)).to eq([0, 100, 2])
    end

    it "may be of several partitions" do
      karafka.produce("1")
      karafka.produce("2", partition: 2)
      expect([consumer.messages.map(&:partition), consumer.messages.map { |one| consumer.mark_as_consumed(one) }])
        .to eq([[0, 2], [true, true]])
    end

    it "come in a new batch after each produce, with all so far and fresh metadata" do
      karafka.produce("1")
      first = consumer.messages
      karafka.produce("2")
      expect([first.size, consumer.messages.size, first.metadata.last_offset, consumer.messages.metadata.last_offset]).to eq([1, 2, 0, 1])
      expect(consumer.messages.metadata.to_h.slice(:size, :first_offset, :partition, :topic, :high_watermark, :attempt))
        .to eq(size: 2, first_offset: 0, partition: 0, topic: "orders", high_watermark: 2, attempt: 1)
      expect(consumer.messages.metadata.processed_at).to be >= first.metadata.processed_at
    end

    it "are in an Array that can be changed: the next batch has what is left" do
      karafka.produce("1")
      expect(karafka.consumer_messages.map(&:payload)).to eq([1])
      karafka.consumer_messages.clear
      karafka.produce("2")
      expect([consumer.messages.payloads, consumer.messages.first.offset, karafka.produced_messages.size]).to eq([[2], 0, 2])
    end

    it "may be tombstones" do
      karafka.produce(nil, key: "k")
      expect(consumer.messages.first).to be_tombstone
    end
  end

  it "decodes with what the route has" do
    orders { deserializers payload: ->(message) { message.raw_payload.upcase }, key: ->(message) { message.raw_key.to_i } }
    consumer = karafka.consumer_for(:orders)
    karafka.produce("abc", key: "12")
    message = consumer.messages.first
    expect([message.payload, message.key, consumer.messages.metadata.deserializers.key.call(message)]).to eq(["ABC", 12, 12])
  end

  it "uses the names of a topic mapper" do
    orders
    Karafka::App.config.topic_mapper = Class.new do
      def incoming(name) = name.delete_prefix("test.")
      def outgoing(name) = "test.#{name}"
    end.new
    consumer = karafka.consumer_for(:orders)
    karafka.produce("1")
    expect([karafka.produced_messages.first[:topic], consumer.messages.first.topic, consumer.topic.name])
      .to eq(%w[test.orders orders orders])
  end

  it "gives a consumer of 1.x its params" do
    orders(consumer_class { def consume = produce_sync(topic: "out", payload: params.raw_payload) }) { batch_consuming false }
    consumer = karafka.consumer_for(:orders)
    karafka.produce("1")
    consumer.consume
    expect(karafka).to have_produced("out", payload: "1")
  end

  describe "what was produced" do
    before { orders }

    it "is gone in the next example (1)" do
      expect(karafka.produced_messages).to eq([])
      Karafka.producer.produce_sync(topic: "x", payload: "1")
    end

    it "is gone in the next example (2)" do
      expect(karafka.produced_messages).to eq([])
      Karafka.producer.produce_sync(topic: "x", payload: "1")
    end

    it "is kept also where a variant, a tombstone or the buffer is used" do
      Karafka.producer.with(topic_config: { acks: 1 }).produce_async(topic: "x", payload: "1")
      Karafka.producer.tombstone_sync(topic: "x", key: "k", partition: 0)
      Karafka.producer.buffer(topic: "x", payload: "2")
      Karafka.producer.flush_sync
      expect(karafka.produced_messages.map { |one| one[:payload] }).to eq(["1", nil, "2"])
    end

    it "is what the client has, too, as WaterDrop's tests look at it" do
      Karafka.producer.produce_sync(topic: "x", payload: "1")
      expect(Karafka.producer.client.messages_for("x").size).to eq(1)
    end
  end

  describe "transactions" do
    before { orders(kafka: "x") }

    def orders(*)
      klass = consumer_class
      application("transactional.id": "x") { topic(:orders) { consumer(klass) } }
    end

    let!(:consumer) { karafka.consumer_for(:orders) }

    it "keep what was sent, once they are committed" do
      seen = Karafka.producer.transaction do
        Karafka.producer.produce_async(topic: "orders", payload: "1")
        [karafka.produced_messages.size, consumer.messages]
      end
      expect([seen, karafka.produced_messages.size, consumer.messages.payloads]).to eq([[0, nil], 1, [1]])
    end

    it "keep nothing once they are aborted" do
      Karafka.producer.transaction do
        Karafka.producer.produce_async(topic: "orders", payload: "1")
        raise WaterDrop::AbortTransaction
      end
      expect([karafka.produced_messages, consumer.messages, Karafka.producer.client.messages]).to eq([[], nil, []])
    end

    it "keep what comes after one that was aborted" do
      expect { Karafka.producer.transaction { raise "no" } }.to raise_error("no")
      karafka.produce("2")
      expect(consumer.messages.payloads).to eq([2])
    end
  end

  it "refuses a transaction of a producer that is none of that kind, as in production" do
    orders
    expect { Karafka.producer.transaction { nil } }.to raise_error(WaterDrop::Errors::ProducerNotTransactionalError)
  end

  it "lets a consumer have transactions that produce and mark, as in a server" do
    orders(consumer_class do
      def consume
        transaction do
          produce_async(topic: "out", payload: "1")
          mark_as_consumed(messages.last)
          raise WaterDrop::AbortTransaction if messages.last.payload == "abort"
        end
      end
    end)
    consumer = karafka.consumer_for(:orders)
    karafka.produce('"abort"')
    consumer.consume
    expect(karafka).not_to have_produced("out")
    expect(consumer).not_to have_marked
    karafka.produce('"go"')
    consumer.consume
    expect(karafka).to have_produced("out").once
    expect(consumer).to have_marked(1)
  end
end
