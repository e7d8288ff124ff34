# frozen_string_literal: true

require_relative "../../spec_helper"

RSpec.describe Karafka::Amount do
  it "counts one thing, and several" do
    expect([0, 1, 2].map { |number| described_class.of(number, "message") }).to eq(["0 messages", "1 message", "2 messages"])
    expect([0, 1, 2].map { |number| described_class.past(number, "line") }).to eq(["0 lines were", "1 line was", "2 lines were"])
  end
end
