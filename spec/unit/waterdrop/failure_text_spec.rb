# frozen_string_literal: true

require "spec_helper"
require "waterdrop"

RSpec.describe WaterDrop::FailureText do
  def report(code)
    WaterDrop::DeliveryReport.new(topic: "orders", partition: -1, offset: -1, error: Karafka::Errors::KafkaError.new("no", code: code))
  end

  it "names the topic, and what to do where it is not there" do
    expect(described_class.of(report(:unknown_topic_or_part)))
      .to eq("a message to orders was not delivered: no. If the topic is not there, create it: kafka-topics --create --topic orders")
    expect(described_class.of(report(:msg_timed_out))).to eq("a message to orders was not delivered: no")
  end

  it "says of which message of a call it is, and which partition is not there" do
    message = { topic: "orders", partition: 9 }
    expect(described_class.refused(message, 1, 3, "no", :unknown_topic))
      .to match(/message 1 of 3, to orders, was refused: no \(unknown_topic\). If/)
    expect(described_class.refused(message, 0, 1, "no", :unknown_partition))
      .to end_with("(unknown_partition). The topic has no partition 9")
    expect(described_class.refused(nil, 0, 1, "no", :fail)).to eq("message 0 of 1 was refused: no (fail)")
  end
end
