# frozen_string_literal: true

require "spec_helper"
require "waterdrop"

RSpec.describe WaterDrop::FailureText do
  def report(code, text = "no", *more, kafka: {})
    delivery = instance_double(Karafka::Native::Delivery, topic: "orders", report: [-1, -1, 0, code, text, false, false, *more])
    WaterDrop::DeliveryReport.of(delivery, 0, nil) { kafka }
  end

  it "names the topic, and what to do where it is not there" do
    expect(described_class.of(report(:unknown_topic_or_part)))
      .to eq("a message to orders was not delivered: no (unknown_topic_or_part). " \
             "If the topic does not exist, create it: kafka-topics --create --topic orders")
    expect(described_class.of(report(:msg_timed_out))).to eq("a message to orders was not delivered: no (msg_timed_out)")
  end

  it "says which right is missing" do
    text = described_class.of(report(:topic_authorization_failed, kafka: { "sasl.username": "alice" }))
    expect(text).to match(/\(topic_authorization_failed\)\. the user of "sasl.username", alice, .* WRITE to the topic orders/)
  end

  it "says what kept the producer from its brokers meanwhile, with the setting, and gives it as the cause" do
    failed = report(:msg_timed_out, "Local: Message timed out", :authentication, "SASL authentication error",
                    kafka: { "sasl.mechanism": "PLAIN" })
    expect(described_class.of(failed)).to match(
      /\Aa message to orders was not delivered: Local: Message timed out \(msg_timed_out\)\. Meanwhile: SASL .*: .*"sasl.password"/
    )
    expect([failed.error.code, failed.error.cause.code, failed.error.cause.backtrace]).to eq([:msg_timed_out, :authentication, nil])
  end

  it "says of which message of a call it is, and which partition is not there" do
    message = { topic: "orders", payload: nil, partition: 9 }
    expect(described_class.refused(message, 1, 3, "no", :unknown_topic))
      .to match(/message 1 of 3, to orders, was refused: no \(unknown_topic\). If/)
    expect(described_class.refused(message, 0, 1, "no", :unknown_partition))
      .to end_with("(unknown_partition). The topic has no partition 9")
    expect(described_class.refused(nil, 0, 1, "no", :fail)).to eq("message 0 of 1 was refused: no (fail)")
  end
end
