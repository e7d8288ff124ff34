# frozen_string_literal: true

require "support/testing_kit"

RSpec.describe Karafka::Testing::Session do
  include TestingKit

  describe "#consumer_for" do
    it "builds the routed class, for a String and a Symbol" do
      klass = consumer_class
      orders(klass)
      expect([karafka.consumer_for("orders"), karafka.consumer_for(:orders)]).to all(be_an_instance_of(klass))
    end

    it "makes it without arguments, as a server does" do
      klass = consumer_class { def initialize = (@made = true) }
      orders(klass)
      expect(karafka.consumer_for(:orders).instance_variable_get(:@made)).to be(true)
    end

    it "gives it its topic, a partition, a client, a coordinator and the application's producer" do
      orders
      consumer = karafka.consumer_for(:orders)
      expect([consumer.topic.name, consumer.partition, consumer.seek_offset, consumer.attempt]).to eq(["orders", 0, 0, 1])
      expect(consumer.client).to be_a(Karafka::Testing::SpecConsumerClient)
      expect([consumer.coordinator.topic, consumer.coordinator.partition, consumer.coordinator.seek_offset]).to eq([consumer.topic, 0, 0])
      expect(consumer.producer).to equal(Karafka::App.producer)
    end

    it "has no messages until some were produced" do
      orders
      expect(karafka.consumer_for(:orders).messages).to be_nil
    end

    it "finds a topic by a pattern that matches it, and by the name of the pattern" do
      klass = consumer_class
      application { pattern(:visits, /_visits\z/) { consumer(klass) } }
      expect([karafka.consumer_for("eu_visits"), karafka.consumer_for(:visits)].map { |one| [one.class, one.topic.name] })
        .to eq([[klass, "eu_visits"], [klass, "visits"]])
    end

    it "prefers a topic of that name to a pattern" do
      named = consumer_class
      other = consumer_class("Others")
      application do
        pattern(:all, /orders/) { consumer(other) }
        topic(:orders) { consumer(named) }
      end
      expect(karafka.consumer_for(:orders)).to be_an_instance_of(named)
    end

    context "with a topic of two groups" do
      before do
        first, second = consumer_class, consumer_class("Mails") # rubocop:disable Style/ParallelAssignment
        application do
          consumer_group(:billing) { topic(:orders) { consumer(first) } }
          consumer_group(:mails) { topic(:orders) { consumer(second) } }
        end
      end

      it "wants to know which" do
        expect { karafka.consumer_for(:orders) }
          .to raise_error(Karafka::Testing::Errors::TopicInManyConsumerGroupsError, /billing, mails.*consumer_for\(:orders, "billing"\)/)
      end

      it "takes the group by place and by name" do
        expect([karafka.consumer_for(:orders, :mails), karafka.consumer_for("orders", consumer_group: "billing")].map(&:class).map(&:name))
          .to eq(%w[Mails OrdersConsumer])
      end

      it "says that there is no such group, or no such topic in it" do
        expect { karafka.consumer_for(:orders, :mail) }
          .to raise_error(Karafka::Testing::Errors::ConsumerGroupNotFoundError, /no consumer group mail. Did you mean `mails`/)
        expect { karafka.consumer_for(:order, :mails) }.to raise_error(Karafka::Testing::Errors::TopicNotFoundError)
      end
    end

    it "says that there is no such topic" do
      orders
      expect { karafka.consumer_for(:order) }
        .to raise_error(Karafka::Testing::Errors::TopicNotFoundError, "no route has a topic order. Did you mean `orders`?")
    end

    it "says that the application is not set up" do
      expect { karafka.consumer_for(:orders) }
        .to raise_error(Karafka::Testing::Errors::KarafkaNotInitializedError, %r{load its karafka.rb.*`require "./karafka"`})
    end

    it "needs no boot" do
      orders
      expect { karafka.consumer_for(:orders) }.not_to change(Karafka::App, :booted?).from(false)
    end

    it "finds a stage of retry_topics" do
      orders do
        dead_letter_queue topic: "dead"
        retry_topics delays: [1_000]
      end
      expect(karafka.consumer_for("orders.retry.1").topic).to be_a(Karafka::Routing::RetryTopic)
    end

    it "raises errors of one ancestor" do
      errors = Karafka::Testing::Errors
      names = %i[TopicNotFoundError TopicInManyConsumerGroupsError ConsumerGroupNotFoundError KarafkaNotLoadedError
                 KarafkaNotInitializedError]
      expect(names.map { |name| errors.const_get(name).superclass }.uniq).to eq([errors::BaseError])
      expect(errors::BaseError.superclass).to eq(StandardError)
    end
  end

  describe "a consumer of a test" do
    subject(:consumer) { karafka.consumer_for(:orders) }

    before do
      orders
      karafka.produce("{}")
    end

    it "marks, commits and seeks, all true" do
      message = consumer.messages.first
      expect([consumer.mark_as_consumed(message), consumer.mark_as_consumed!(message), consumer.commit_offsets, consumer.commit_offsets!,
              consumer.seek(3)]).to all(be(true))
    end

    it "asks its client, once for each call" do
      %i[mark_as_consumed mark_as_consumed!].each { |name| allow(consumer.client).to receive(name).and_call_original }
      consumer.mark_as_consumed!(consumer.messages.first)
      expect(consumer.client).to have_received(:mark_as_consumed!).with(consumer.messages.first).once
      expect(consumer.client).not_to have_received(:mark_as_consumed)
    end

    it "does not mark where the client refuses" do
      allow(consumer.client).to receive(:mark_as_consumed).and_return(false)
      expect(consumer.mark_as_consumed(consumer.messages.first)).to be(false)
      expect(consumer).not_to have_marked
    end

    it "marks nothing by itself" do
      consumer.consume
      expect([consumer.seek_offset, karafka.produced_messages.size]).to eq([0, 1])
      expect(consumer).not_to have_marked
    end

    it "has lost its partition where the client says so, or the coordinator was told to" do
      expect { allow(consumer.client).to receive(:assignment_lost?).and_return(true) }.to change(consumer, :revoked?).from(false).to(true)
      other = karafka.consumer_for(:orders)
      other.coordinator.revoke
      expect([other.revoked?, other.commit_offsets]).to eq([true, false])
    end

    it "knows its attempt" do
      expect { consumer.coordinator.pause_tracker.increment }.to change { [consumer.attempt, consumer.retrying?] }.to([2, true])
      expect { consumer.coordinator.pause_tracker.reset }.to change(consumer, :attempt).to(1)
    end

    it "answers what else a consumer can ask" do
      expect([consumer.errors_tracker.size, consumer.revoked?, consumer.eofed?, consumer.offset_metadata, consumer.pause(0, 1_000),
              consumer.resume]).to eq([0, false, false, "", true, true])
    end

    it "lives beside others" do
      other = karafka.consumer_for(:orders)
      karafka.produce_to(other, "2")
      expect([consumer, other].map { |one| one.messages.payloads }).to eq([[{}], [2]])
    end
  end
end
