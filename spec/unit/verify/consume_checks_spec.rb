# frozen_string_literal: true

require "tempfile"
require_relative "../../spec_helper"
require_relative "../../../verify/consume/run"

# The checks of `rake verify:consume` can fail: each is shown a journal that breaks its rule.
RSpec.describe Consume::Checks do
  let(:evidence) { Consume::Evidence.new }
  let(:incarnations) { [] }
  let(:outages) { [] }
  let(:uncommitted) { {} }
  let(:place) { ["t", 0] }
  let(:checks) { described_class.new(evidence, incarnations, outages, uncommitted) }

  def journal(*lines, ended: nil, ended_at: nil)
    id = incarnations.size
    file = Tempfile.new("journal")
    file.write(lines.map { |line| "#{line}\n" }.join)
    file.close
    incarnations << Consume::Fleet::Incarnation.new(id: id, member: id, journal: file.path, ended: ended, ended_at: ended_at)
    (@files ||= []) << file
    evidence.read(incarnations)
  end

  def processed(time, offset, key = "k") = "P #{time} t 0 #{offset} #{key}:1"

  it "find a message that nobody processed" do
    journal(processed(1, 0), processed(2, 2))

    expect(checks.lost(place => [0, 1, 2])).to eq(["lost: t/0 offset 1"])
    expect(evidence.frontier(place)).to eq(1)
  end

  it "find a first delivery that came too late, but not a repeated one" do
    journal(processed(1, 0), processed(2, 2), processed(3, 1), processed(4, 0))

    expect(checks.order).to eq(["out of order: t/0 offset 1 after 2"])
  end

  it "ask for the order of each key only, where that is what the topic promises" do
    journal(processed(1, 0, "a"), processed(2, 2, "b"), processed(3, 1, "a"), processed(4, 4, "a"), processed(5, 3, "a"))

    expect(checks.order(["t"])).to eq(["out of order: t/0 offset 3 after 4"])
  end

  it "find a duplicate that has no cause" do
    journal(processed(1, 0), processed(2, 0))

    expect(checks.unexplained_duplicates).to contain_exactly(/without a cause: t.0 offset 0/)
  end

  it "accept a duplicate after an exception at or before it" do
    journal(processed(1, 0), "F 2 t 0 0", processed(3, 0))

    expect(checks.unexplained_duplicates).to be_empty
    expect(checks.duplicates).to eq(raised: 1)
  end

  it "accept a duplicate of a killed process only where it was not committed" do
    uncommitted[0] = { place => 1 }
    journal(processed(1, 0), processed(2, 1), ended: :killed, ended_at: 3)
    journal(processed(4, 0), processed(5, 1))

    expect(checks.unexplained_duplicates).to contain_exactly(/offset 0/)
    expect(checks.duplicates).to include(killed: 1)
  end

  it "accept a duplicate around the absence of a broker, not long before it" do
    outages << [10_000_000, 12_000_000]
    journal(processed(1_000_000, 0), processed(9_000_000, 1), processed(11_000_000, 0), processed(11_000_001, 1))

    expect(checks.unexplained_duplicates).to contain_exactly(/offset 0/)
  end

  it "do not take half a line for a message" do
    journal(processed(1, 0))
    File.open(incarnations.first.journal, "a") { |file| file.write("P 2 t 0 1") }
    evidence.read(incarnations)

    expect(evidence.seen?(place, 1)).to be(false)
  end
end
