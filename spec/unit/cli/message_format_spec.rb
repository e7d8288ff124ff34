# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"

RSpec.describe Karafka::Cli::MessageFormat do
  let(:message) do
    metadata = Karafka::Messages::Metadata.new(topic: "orders", partition: 3, offset: 7, key: "42", headers: { "a" => "1", "b" => %w[x y] },
                                               timestamp: Time.at(1, 500, :millisecond))
    Karafka::Messages::Message.new("pay\xFFload".b, metadata)
  end

  def formatted(text) = described_class.new(text).call(message, message.raw_payload)

  it "has each field, escapes, and a line end" do
    expect(formatted("%t/%p@%o %T %k")).to eq("orders/3@7 1500 42\n")
    expect(formatted('%h\t100%%\n')).to eq("a=1,b=x,y\t100%\n")
    expect(formatted("%s")).to eq("pay\xFFload\n".b)
    expect(formatted("")).to eq("\n")
    expect(described_class.new("[%s]").call(message, nil)).to eq("[]\n")
  end

  it "refuses a field that does not exist" do
    ["%x", "a%"].each do |text|
      expect do
        formatted(text)
      end.to raise_error(Karafka::Errors::CommandError, /there is no %.*; there are %t %p %o/)
    end
  end
end

RSpec.describe Karafka::Cli::Position do
  def parse(text, **options) = described_class.parse(text, "--from", **options)

  it "reads names, offsets, times, and what counts from the end where that is allowed" do
    expect([parse("earliest"), parse("latest"), parse("0"), parse("-100", from_end: true)]).to eq([:earliest, :latest, 0, -100])
    expect(parse("-2h", from_end: true)).to be_within(5).of(Time.now - 7_200)
    expect(parse("2026-11-29T10:00Z")).to eq(Time.utc(2026, 11, 29, 10))
  end

  it "refuses everything else" do
    expect do
      parse("-100")
    end.to raise_error(Karafka::Errors::CommandError, /--from is "-100", but must be earliest, latest, an offset or a time/)
    expect do
      parse("begin", from_end: true)
    end.to raise_error(Karafka::Errors::CommandError, /, -100 for the last 100 messages or a time; a time is/)
  end
end
