# frozen_string_literal: true

RSpec.describe Karafka::Failures::CircuitBreaker do
  def dead(guard, offsets) = offsets.map { |offset| guard.exceeded?(offset) }

  it "lets everything through without limits" do
    expect(dead(described_class.new(nil), (0..500))).to all(be(false))
  end

  it "stops past the ratio of the last thousand offsets" do
    guard = described_class.new({ ratio: 0.1 })
    expect(dead(guard, (0...100).map { |number| number * 5 })).to all(be(false))
    expect(guard.exceeded?(500)).to be(true)
  end

  it "forgets what is a thousand offsets behind" do
    guard = described_class.new({ ratio: 0.1 })
    expect(dead(guard, (0...500).map { |number| number * 10 })).to all(be(false))
  end

  it "counts a message that failed twice once" do
    guard = described_class.new({ ratio: 0.002 })
    expect(dead(guard, [1, 1, 1, 2])).to eq([false, false, false, false])
    expect(guard.exceeded?(3)).to be(true)
  end

  it "counts anew where messages before it were processed" do
    guard = described_class.new({ consecutive: 1 })
    expect([guard.exceeded?(0), guard.exceeded?(5, first: false), guard.exceeded?(6)]).to eq([false, false, true])
  end

  it "counts messages in any order, and from several threads" do
    guard = described_class.new({ ratio: 0.1 })
    threads = Array.new(4) { |lane| Thread.new { dead(guard, (0...25).map { |number| 99 - (number * 4) - lane }) } }
    expect(threads.flat_map(&:value)).to all(be(false))
    expect(guard.exceeded?(100)).to be(true)
  end

  it "allows as many again after a reset" do
    guard = described_class.new({ consecutive: 1 })
    expect([guard.exceeded?(0), guard.exceeded?(1)]).to eq([false, true])
    guard.reset
    expect(guard.exceeded?(1)).to be(false)
  end
end
