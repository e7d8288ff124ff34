# frozen_string_literal: true

require "spec_helper"

RSpec.describe Karafka::NameList do
  it "names the first of them, and counts the others" do
    expect(described_class.short([], 2)).to eq("")
    expect(described_class.short([:a, 1], 2)).to eq("a, 1")
    expect(described_class.short(%w[a b c d], 2)).to eq("a, b and 2 more")
  end
end
