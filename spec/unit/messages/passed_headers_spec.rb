# frozen_string_literal: true

require "support/fake_lease"

RSpec.describe Karafka::Messages::PassedHeaders do
  let(:came) { [%w[h 1], %w[x 2], ["h", nil], ["h", "\xFF"]] }

  def message(pairs = came)
    grouped = pairs.group_by(&:first).transform_values { |rows| rows.size == 1 ? rows.first.last : rows.map(&:last) }
    lease = FakeLease.new(%w[1], headers: [grouped])
    lease.define_singleton_method(:raw_header_pairs) { |_| pairs }
    Karafka::Messages::Message.over(lease, 0)
  end

  def passed(message = self.message)
    described_class.of(message, message.raw_headers.merge("source_topic" => "orders"))
  end

  it "keeps names that came several times where they came" do
    expect(passed.karafka_pairs).to eq([*came, %w[source_topic orders]])
  end

  it "is a Hash to look at and to change: what is changed comes behind the others, what is deleted is gone" do
    headers = passed
    expect(headers).to eq("h" => ["1", nil, "\xFF"], "x" => "2", "source_topic" => "orders")
    headers["x"] = %w[3 4]
    headers["n"] = nil
    expect(headers.karafka_pairs).to eq([%w[h 1], ["h", nil], ["h", "\xFF"], %w[x 3], %w[x 4], %w[source_topic orders], ["n", nil]])
    headers.delete("h")
    expect(headers.karafka_pairs.map(&:first)).to eq(%w[x x source_topic n])
    expect(passed.merge("n" => "5").karafka_pairs).to eq([*came, %w[source_topic orders], %w[n 5]])
  end

  it "is not needed where no name came twice" do
    expect(passed(message([%w[b 1], %w[a 2]]))).to be_an_instance_of(Hash)
  end
end
