# frozen_string_literal: true

require "spec_helper"

RSpec.describe Karafka::TimeBudget do
  def at(time_ms) = allow(Karafka::Clock).to(receive(:now_ms).and_return(time_ms))

  it "gives each step what it needs, and half of what is left at most" do
    at(0)
    budget = described_class.new(15_000)
    expect([budget.left, budget.share(5_000), budget.share(60_000), budget.share(60_000, part: 0.8)]).to eq([15.0, 5_000, 7_500, 12_000])
    at(14_000)
    expect([budget.left, budget.share(5_000), budget.over?]).to eq([1.0, 500, false])
    at(16_000)
    expect([budget.left, budget.share(5_000), budget.over?]).to eq([0.0, 0, true])
  end

  it "has no end where there is no limit" do
    budget = described_class.new(nil)
    expect([budget.left, budget.share(5_000), budget.over?]).to eq([nil, 5_000, false])
  end
end
