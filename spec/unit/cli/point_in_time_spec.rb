# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"

RSpec.describe Karafka::Cli::PointInTime do
  let(:now) { Time.at(1_800_000_000) }

  def parse(text) = described_class.parse(text, now:)

  it "reads how long ago, in one unit or several" do
    expect(parse("-2h")).to eq(now - 7_200)
    expect(parse("-90s")).to eq(now - 90)
    expect(parse("-1d12h")).to eq(now - 129_600)
    expect(parse("-2w")).to eq(now - 1_209_600)
    expect(parse("now")).to eq(now)
  end

  it "reads ISO 8601, with a zone or in that of the machine" do
    expect(parse("2026-11-29T10:00Z")).to eq(Time.utc(2026, 11, 29, 10))
    expect(parse("2026-11-29T10:00:30.5+02:00")).to eq(Time.utc(2026, 11, 29, 8, 0, 30, 500_000))
    expect(parse("2026-11-29 10:00")).to eq(Time.local(2026, 11, 29, 10))
    expect(parse("2026-11-29")).to eq(Time.local(2026, 11, 29))
  end

  it "reads milliseconds since 1970, which have 13 digits, so an offset is none" do
    expect(parse("1732880000123")).to eq(Time.at(0, 1_732_880_000_123, :millisecond))
    expect(described_class).to be_time("1732880000123")
    expect(described_class).not_to be_time("1732880000")
  end

  it "refuses everything else, and lists the forms" do
    ["", "-2x", "2h", "yesterday", "2026-13-01", "2026-11-29T25:00Z", "10:00", "-", "--2h", "1e13"].each do |text|
      expect { parse(text) }.to raise_error(Karafka::Errors::CommandError, /#{Regexp.escape(text.inspect)} is no time: a time is ISO 8601/)
    end
  end
end
