# frozen_string_literal: true

require "support/failing_consumers"

RSpec.describe Karafka::Failures::Handler do
  include_context "with failing consumers"

  describe "typed outcomes" do
    it "Reject sends that message at once, without an error" do
      fail_with(-> { raise Karafka::Reject.new("no customer", message: messages[1]) }, FakeLease.new(%w[1 2 3]), &queue)
      expect(settled).to eq([:skip_message, 1, true])
      expect(producer.sent.first[:headers]).to include("source_offset" => "1", "source_reason" => "reject",
                                                       "source_error_message" => "no customer", "source_error_class" => "Karafka::Reject")
      expect(errors).to be_empty
    end

    it "Reject without a message takes the batch apart first" do
      fail_with(-> { raise Karafka::Reject }, FakeLease.new(%w[1 2 3]), &queue)
      expect([producer.sent, settled]).to eq([[], [:retry, 0, true]])
      fail_with(-> { raise Karafka::Reject }, one, &queue)
      expect(settled).to eq([:skip_message, 7, true])
    end

    it "Reject without a dead letter queue keeps the message and says what is missing" do
      fail_with(-> { raise Karafka::Reject }, one)
      expect([settled, errors]).to eq([:nack, [["consumer.consume.error", Karafka::Errors::InvalidConfigurationError]]])
    end

    it "Skip marks the message and says so" do
      fail_with(-> { raise Karafka::Skip.new("a test", message: messages.first) }, FakeLease.new(%w[1 2]))
      expect(settled).to eq([:skip_message, 0, true])
      expect([events.last.id, events.last[:reason], errors]).to eq(["consumer.consuming.skipped", "skip", []])
    end

    it "RetryLater waits that long, and counts no error" do
      fail_with(-> { raise Karafka::RetryLater.new(in: 250) }, FakeLease.new(%w[1 2]), &queue)
      expect([settled, errors]).to eq([[:retry, 250, false], []])
      expect(events.last.payload).to include(delay: 250, attempt: 1)
    end

    it "RetryLater uses up no retries" do
      later = -> { attempt < 8 ? raise(Karafka::RetryLater.new(in: 5)) : raise("no") }
      (1..10).each { |attempt| fail_with(later, one(attempt: attempt), &queue) }
      expect(producer.sent).to be_empty
      fail_with(later, one(attempt: 11), &queue)
      expect(producer.sent.size).to eq(1)
    end

    it "refuse a message of another partition" do
      other = FakeLease.new(%w[9], partition: 5)
      foreign = Karafka::Messages::Messages.over(other).first
      fail_with(-> { raise Karafka::Skip.new(message: foreign) }, one, &queue)
      expect([settled, errors]).to eq([:nack, [["consumer.consume.error", ArgumentError]]])
    end

    it "refuse a place that is not of this batch" do
      place = ->(offset) { Karafka::Messages::Seek.new("orders", 0, offset) }
      fail_with(-> { raise Karafka::Skip.new(message: place[8]) }, one, &queue)
      expect([settled, errors]).to eq([:nack, [["consumer.consume.error", ArgumentError]]])
      @routes = @assignment = nil
      Karafka::App.routes.clear
      fail_with(-> { raise Karafka::Skip.new(message: place[7]) }, one, &queue)
      expect(settled).to eq([:skip_message, 7, true])
    end

    it "refuse what is no message" do
      expect { Karafka::Skip.new(message: 5) }.to raise_error(ArgumentError, /Karafka::Skip takes the message .*, not 5/)
    end

    it "RetryLater needs a time" do
      expect { Karafka::RetryLater.new("x") }.to raise_error(Karafka::Errors::InvalidConfigurationError, /RetryLater in/)
      expect { Karafka::RetryLater.new(in: 0) }.to raise_error(Karafka::Errors::InvalidConfigurationError)
      expect { Karafka::RetryLater.new(on: 5, in: 5) }.to raise_error(ArgumentError, /only in:/)
    end
  end

  describe "deserialization errors" do
    let(:batch) { FakeLease.new(["1", "{no json", "3"], first_offset: 4) }

    def decode = -> { messages.payloads }

    it "are errors as others by default" do
      fail_with(decode, batch, &queue)
      expect([settled, errors.last.first]).to eq([:nack, "consumer.consume.error"])
    end

    it "send exactly that message at once" do
      fail_with(decode, batch, &proc { dead_letter_queue(topic: "dead") && on_deserialization_error(:dead_letter) })
      expect(settled).to eq([:skip_message, 5, true])
      expect(producer.sent.first).to include(payload: "{no json")
      expect(producer.sent.first[:headers]).to include("source_reason" => "deserialization",
                                                       "source_error_class" => "Karafka::Errors::DeserializationError")
      expect(errors.last.first).to eq("consumer.deserialization.error")
    end

    it "are about their message also where a wrap meets them, and not where that is of another batch" do
      klass = consumer { nil }
      klass.define_method(:wrap) { |_action, &block| messages.payloads && block.call }
      @routes = route(klass) { dead_letter_queue(topic: "dead") && on_deserialization_error(:dead_letter) }
      fail_with(nil, batch)
      expect(settled).to eq([:skip_message, 5, true])
      earlier = @assignment.consumer.messages
      klass.define_method(:wrap) { |_action| earlier.payloads }
      fail_with(nil, FakeLease.new(["1"], first_offset: 7))
      expect(settled).to eq(:nack)
    end

    it "skip exactly that message" do
      fail_with(decode, batch, &proc { on_deserialization_error(:skip) })
      expect([settled, events.last[:reason]]).to eq([[:skip_message, 5, true], "deserialization"])
    end
  end
end
