# frozen_string_literal: true

require "support/testing_kit"

RSpec.describe Karafka::Testing::RSpec::Matchers do
  include TestingKit

  def refused(text, &) = expect(&).to(raise_error(RSpec::Expectations::ExpectationNotMetError, text))

  let!(:consumer) do
    orders(consumer_class { def consume = raise("bad") }) { dead_letter_queue topic: "dead", max_retries: 0 }
    karafka.consumer_for(:orders)
  end

  describe "have_produced" do
    before { Karafka.producer.produce_sync(topic: "out", payload: '{"id":1,"at":"now"}', key: "k", headers: { "a" => "b" }) }

    it "finds a topic, by Symbol and String, or any" do
      expect(karafka).to have_produced(:out).and have_produced("out").and have_produced
      expect(karafka).not_to have_produced(:other)
    end

    it "compares what a message has, a payload of JSON as data" do
      expect(karafka).to have_produced(:out, payload: { id: 1, at: "now" }, key: "k", headers: { "a" => "b" })
      expect(karafka).to have_produced(:out, payload: '{"id":1,"at":"now"}')
      expect(karafka).to have_produced(:out, payload: a_hash_including("id" => 1), key: /k/)
      expect(karafka).not_to have_produced(:out, payload: { id: 2, at: "now" })
    end

    it "counts" do
      expect(karafka).to have_produced(:out).once
      expect(karafka).not_to have_produced(:out).twice
      expect { 2.times { Karafka.producer.produce_async(topic: "out", payload: "x") } }.to have_produced(:out).exactly(2)
      expect { nil }.not_to have_produced(:out)
    end

    it "says what there was instead" do
      refused(/to produce 2 times to out with .*key.*, but it was 1 time; these were sent:\n  \{:?topic/) do
        expect(karafka).to have_produced(:out, key: "k").twice
      end
      refused(/not to produce to out, but these were sent/) { expect(karafka).not_to have_produced(:out) }
      refused(/but nothing was sent/) { expect { nil }.to have_produced }
    end
  end

  it "says what was marked instead" do
    2.times { karafka.produce("1") }
    consumer.mark_as_consumed(consumer.messages.first)
    expect(consumer).to have_marked.and have_marked(0).and have_marked(consumer.messages.first)
    refused(/to mark the message 1, but marked were the offsets 0/) { expect(consumer).to have_marked(1) }
    refused(/not to mark a message, but it did/) { expect(consumer).not_to have_marked }
  end

  it "finds dead letters of this consumer, by reason and error" do
    karafka.produce("1")
    karafka.run(consumer)
    expect(consumer).to have_dead_lettered.and have_dead_lettered(0, error: RuntimeError).and have_dead_lettered(reason: "error")
    expect(consumer).not_to have_dead_lettered(error: KeyError)
    refused(/to dead-letter the message 5, but these were sent/) { expect(consumer).to have_dead_lettered(5) }
    Karafka.producer.produce_sync(topic: "dead", payload: "by hand")
    expect(karafka.consumer_for(:orders)).to have_dead_lettered(0)
    expect(consumer).not_to have_dead_lettered(payload: "by hand")
  end
end
