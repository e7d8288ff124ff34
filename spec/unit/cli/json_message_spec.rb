# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"

RSpec.describe Karafka::Cli::JsonMessage do
  def message(payload, key: "42", headers: { "a" => "1" })
    metadata = Karafka::Messages::Metadata.new(topic: "orders", partition: 3, offset: 7, key: key, headers: headers,
                                               timestamp: Time.at(1, 500, :millisecond))
    Karafka::Messages::Message.new(payload, metadata)
  end

  it "writes a message as a line, and reads it again" do
    line = described_class.write(message("text"), "text")
    expect(JSON.parse(line)).to eq("topic" => "orders", "partition" => 3, "offset" => 7, "timestamp" => 1_500, "key" => "42",
                                   "headers" => { "a" => "1" }, "payload" => "text")
    expect(described_class.read(line)).to eq(topic: "orders", partition: 3, timestamp: 1_500, headers: { "a" => "1" }, key: "42",
                                             payload: "text")
  end

  it "keeps tombstones, bytes that are no text, repeated headers and what a deserializer made" do
    binary = "\xFF\x00".b
    tombstone = described_class.write(message(nil, key: binary, headers: { "h" => %w[x y] }), nil)
    expect(described_class.read(tombstone)).to include(payload: nil, key: binary, headers: { "h" => %w[x y] })
    expect(described_class.read(described_class.write(message(binary), binary))[:payload]).to eq(binary)
    expect(described_class.read(described_class.write(message("{}"), { "id" => 1 }))[:payload]).to eq('{"id":1}')
  end

  it "writes headers that are no text with another character for each such byte" do
    line = described_class.write(message("text", headers: { "\xFFa".b => "\xFEb".b, "list" => ["\xFD".b] }), "text")
    expect(JSON.parse(line)["headers"]).to eq("\uFFFDa" => "\uFFFDb", "list" => ["\uFFFD"])
  end

  it "refuses what is no message, with the line" do
    { "nonsense" => /is no message: it is no JSON/, "[1]" => /it is no object/, '{"key":"a"}' => /it has no payload; null is a tombstone/,
      '{"payload":"a","value":1}' => /it has the unknown field value; there are topic, partition/,
      '{"payload":"a","headers":[1]}' => /its headers are no object/, '{"payload":"a","headers":{"a":{}}}' => /a header is an object/,
      '{"payload_base64":"?"}' => /its payload_base64 is no Base64/,
      '{"payload":"a","key_base64":1}' => /its key_base64 is no Base64/ }.each do |line, why|
      expect { described_class.read(line) }.to raise_error(Karafka::Errors::CommandError, why)
    end
  end
end
