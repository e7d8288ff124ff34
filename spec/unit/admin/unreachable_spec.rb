# frozen_string_literal: true

require "stringio"

RSpec.describe Karafka::Admin, "asking brokers that cannot be reached", deadline: 30 do
  it "says why after two seconds, once for a question, and goes on waiting" do
    allow(Karafka::App).to receive(:logger).and_return(Logger.new(log = StringIO.new))
    admin = described_class.new(kafka: { "bootstrap.servers": "127.0.0.1:1" }, max_wait_time: 3_000)
    expect { admin.cluster_info }.to raise_error(Karafka::Errors::KafkaError, /no answer within \d+ ms: 127\.0\.0\.1:1/)
    expect(log.string.lines.grep(/WARN/)).to match(
      [/Karafka::Admin has no answer yet, and waits for up to 3000 ms: 127\.0\.0\.1:1.*Connection refused.*nothing listens there/]
    )
  end
end
