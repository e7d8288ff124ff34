# frozen_string_literal: true

require "karafka/compat/racecar"
require "support/fake_lease"

RSpec.describe Racecar::Message do
  let(:rdkafka) do
    values = { topic: "t", partition: 1, offset: 2, key: "k", payload: "v", headers: { "a" => "b" }, timestamp: Time.at(3) }
    Object.new.tap { |made| values.each { |name, value| made.define_singleton_method(name) { value } } }
  end
  let(:message) { described_class.new(rdkafka, retries_count: 4) }

  it "has topic, partition, offset, key, headers, value, create_time and retries_count" do
    names = %i[topic partition offset key headers value payload create_time timestamp retries_count]
    expect(names.map { |name| message.public_send(name) }).to eq(["t", 1, 2, "k", { "a" => "b" }, "v", "v", Time.at(3), Time.at(3), 4])
  end

  it "is equal to one of the same place" do
    expect(message).to eq(described_class.new(rdkafka))
    expect(message).not_to eq(described_class.new(rdkafka.clone.tap { |other| other.define_singleton_method(:offset) { 3 } }))
  end

  it "is a view into the batch that it came with: value is the bytes, not what they decode to" do
    karafka = Karafka::Messages::Message.new('{"a":1}', Karafka::Messages::Metadata.new(topic: "t", partition: 1, offset: 7, key: "k",
                                                                                        timestamp: Time.at(3), headers: { "a" => "b" }))
    message = karafka.karafka_as(described_class)
    expect([message.value, message.key, message.offset, message.headers, message.create_time, message.retries_count, message.inspect])
      .to eq(['{"a":1}', "k", 7, { "a" => "b" }, Time.at(3), 0, "#<Racecar::Message t/1@7>"])
  end
end
