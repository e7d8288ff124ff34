# frozen_string_literal: true

RSpec.describe "a consumer that no server runs" do
  let(:consumer) { Class.new(Karafka::BaseConsumer).new }
  let(:message) do
    metadata = Karafka::Messages::Metadata.new(topic: "orders", partition: 0, offset: 0, key: nil, headers: {}, timestamp: Time.now)
    Karafka::Messages::Message.new("{}", metadata)
  end

  {
    topic: [], partition: [], attempt: [], revoked?: [], eofed?: [], seek_offset: [], resume: [], commit_offsets: [], commit_offsets!: [],
    seek: [0], pause: [0, 1_000], store_offset_metadata: ["text"], errors_tracker: []
  }.each do |name, arguments|
    it "says that #{name} needs one" do
      expect do
        consumer.public_send(name, *arguments)
      end.to raise_error(Karafka::Errors::UnassignedConsumerError, /\A`#{Regexp.escape(name)}` of /)
    end
  end

  it "says so of what takes a message, too" do
    %i[mark_as_consumed mark_as_consumed! dispatch_to_dlq].each do |name|
      expect { consumer.send(name, message) }.to raise_error(Karafka::Errors::UnassignedConsumerError)
    end
    expect(consumer.inspect).to match(/\A#<#<Class/)
  end

  it "names what the application has called, and what to use instead" do
    error = Karafka::Errors::UnassignedConsumerError
    expect { consumer.transaction { nil } }.to raise_error(error, /\A`transaction` of .*consumer_for/)
    expect { consumer.respond_with(1) }.to raise_error(error, %r{\A`respond_with` of .*require "karafka/testing})
    expect { consumer.mark_as_consumed(message) }.to raise_error(error, /\A`mark_as_consumed` of /)
  end

  it "does what a test has replaced" do
    allow(consumer).to receive(:mark_as_consumed).and_return(true)
    expect(consumer.mark_as_consumed(message)).to be(true)
  end
end
