# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::PartitionShares do
  include OneTopic

  def topic_with(&)
    route(Class.new(Karafka::BaseConsumer) { def consume = nil }, &).topic(0, 0)
  end

  it "gives all lanes of a partition one share, with the guard of stop_after, and forgets it with the last of them" do
    topic = topic_with do
      parallel by: :none, limit: 2
      dead_letter_queue topic: "dead", stop_after: { consecutive: 1 }
    end
    shares = described_class.new
    lanes = [FakeLease.new(assignment_id: 1), FakeLease.new(assignment_id: 2)]
    first, second = lanes.map { |lease| shares.take(topic, lease) }
    expect(first).to be(second)
    expect(first.guard).to be_a(Karafka::Failures::CircuitBreaker)
    expect(shares.take(topic, FakeLease.new(partition: 1))).not_to be(first)
    lanes.each { |lease| shares.release(lease) }
    expect(shares.size).to eq(1)
    expect(shares.take(topic, lanes.first)).not_to be(first)
  end

  it "has no guard where there is one consumer, or no limit" do
    topic = topic_with { dead_letter_queue topic: "dead", stop_after: { consecutive: 1 } }
    shares = described_class.new
    expect(shares.take(topic, FakeLease.new).guard).to be_nil
    shares.release(FakeLease.new)
    expect(shares.size).to eq(0)
  end
end
