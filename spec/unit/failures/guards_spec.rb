# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::Failures::Guards do
  include OneTopic

  def topic_with(&)
    route(Class.new(Karafka::BaseConsumer) { def consume = nil }, &).topic(0, 0)
  end

  it "gives all lanes of a partition one guard, and forgets it with the last of them" do
    topic = topic_with do
      parallel by: :none, limit: 2
      dead_letter_queue topic: "dead", stop_after: { consecutive: 1 }
    end
    guards = described_class.new
    lanes = [FakeLease.new(assignment_id: 1), FakeLease.new(assignment_id: 2)]
    first, second = lanes.map { |lease| guards.take(topic, lease) }
    expect(first).to be(second)
    expect(guards.take(topic, FakeLease.new(partition: 1))).not_to be(first)
    lanes.each { |lease| guards.release(lease) }
    expect(guards.size).to eq(1)
    expect(guards.take(topic, lanes.first)).not_to be(first)
  end

  it "has none where there is one consumer, or no limit" do
    topic = topic_with { dead_letter_queue topic: "dead", stop_after: { consecutive: 1 } }
    guards = described_class.new
    expect(guards.take(topic, FakeLease.new)).to be_nil
    guards.release(FakeLease.new)
    expect(guards.size).to eq(0)
  end
end
