# frozen_string_literal: true

require "support/failing_consumers"

RSpec.describe Karafka::Failures::SkipOrders do
  include_context "with failing consumers"

  after { described_class.clear }

  def order(offset, topic: "orders")
    described_class.add(Karafka::Failures::SkipOrder.new(group: "app", topic: topic, partition: 0, offset: offset,
                                                         reason: "no such currency"))
  end

  def batch(first = 5) = FakeLease.new(%w[a b c], first_offset: first)

  it "finds the message of a batch, and what was dealt with before the batch" do
    passed = order(4)
    wanted = order(6)
    later = order(9)
    other = order(6, topic: "refunds")
    expect(described_class.met("app", batch)).to eq([wanted, 1])
    expect([passed, wanted, later, other].map(&:result)).to eq([:processed, nil, nil, nil])
    expect(described_class.met("other", batch)).to be_nil
  end

  it "gives up what was processed, and what went elsewhere" do
    processed = order(6)
    lost = order(9)
    described_class.processed("app", batch)
    described_class.lost("app", batch)
    expect([processed.result, lost.result, described_class.any?]).to eq([:processed, :lost, false])
  end

  it "keeps one order for a message, and a limited number of them" do
    expect(order(6)).to equal(order(6))
    stub_const("#{described_class}::MOST", 1)
    expect { order(7) }.to raise_error(ArgumentError, /no more are taken/)
  end

  it "wakes whoever waits for the result" do
    one = order(6)
    waiting = Thread.new { one.wait(30) }
    described_class.finish(one, :dead_lettered, "dead")
    expect([waiting.value, one.target]).to eq([:dead_lettered, "dead"])
    expect(order(7).wait(0)).to be_nil
  end
end
