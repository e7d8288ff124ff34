# frozen_string_literal: true

require "support/fake_lease"

RSpec.describe Karafka::Messages::CleanedSource do
  let(:lease) { FakeLease.new(%w[1 null 3], keys: %w[a b c], headers: [{ "h" => "v" }], first_offset: 7) }
  let(:messages) { Karafka::Messages::Messages.over(lease) }
  let(:error) { Karafka::Errors::MessageCleanedError }

  it "has no payload any more, nor key and headers, but its place" do
    message = messages.first
    expect(message.payload).to eq(1)
    message.clean!
    %i[payload raw_payload key raw_key headers raw_headers tombstone?].each do |name|
      expect { message.public_send(name) }.to raise_error(error, %r{orders/0@7 was cleaned}), name.to_s
    end
    expect([message.topic, message.partition, message.offset, message.attempt, message.timestamp]).to eq(
      ["orders", 0, 7, 1, Time.at(0, 1_700_000_000_123, :millisecond)]
    )
    expect([message.cleaned?, message.deserialized?, message.inspect]).to eq([true, false, "#<Karafka::Messages::Message orders/0@7>"])
  end

  it "keeps key and headers with metadata: false, and cleaning twice takes them too" do
    message = messages.first
    message.clean!(metadata: false)
    expect([message.key, message.headers, message.cleaned?]).to eq(["a", { "h" => "v" }, true])
    message.clean!(metadata: false)
    expect(message.key).to eq("a")
    message.clean!
    expect { message.key }.to raise_error(error)
    expect { message.clean! }.not_to raise_error
  end

  it "raises the same error through deserializers of one's own" do
    own = Karafka::Messages::Decoders.new(payload: :raw_payload.to_proc, key: :raw_key.to_proc)
    message = Karafka::Messages::Messages.over(lease, own).first
    message.clean!
    expect { message.payload }.to raise_error(error)
    expect { message.key }.to raise_error(error)
  end

  it "cleans each message of a batch after the block had it" do
    seen = []
    returned = messages.each(clean: true) { |message| seen << [message, message.payload, seen.map { |earlier, _| earlier.cleaned? }] }
    expect(seen.map { |_, payload, earlier| [payload, earlier] }).to eq([[1, []], [nil, [true]], [3, [true, true]]])
    expect(seen.last.first.cleaned?).to be(true)
    expect(returned).to equal(messages)
    expect(messages.each(clean: true).map(&:payload)).to eq([1, nil, 3])
  end

  it "leaves what was kept cleaned, and what is made anew as it was" do
    messages.each(clean: true, &:offset)
    expect(messages.first.payload).to eq(1)
    messages.keep!.each(clean: true, &:offset)
    expect { messages.first.payload }.to raise_error(error)
  end

  it "lets the batch go" do
    message = messages.first
    message.clean!
    expect(message.of?(lease)).to be(false)
  end
end
