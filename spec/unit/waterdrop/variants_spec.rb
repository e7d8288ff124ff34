# frozen_string_literal: true

require "waterdrop"

RSpec.describe WaterDrop::Variant do
  def producer(kafka = {})
    WaterDrop::Producer.new do |config|
      config.client_class = WaterDrop::Clients::Buffered
      config.kafka = { "bootstrap.servers": "127.0.0.1:1" }.merge(kafka)
    end
  end

  def refused(text, kafka = {}, **options)
    expect { producer(kafka).with(**options) }.to raise_error(WaterDrop::Errors::VariantInvalidError, text)
  end

  it "refuses what no topic can have of its own, and names the nearest" do
    refused(/"linger.ms", which no topic can have/, topic_config: { "linger.ms": 5 })
    refused(/"ack".*`acks`/, topic_config: { ack: 1 })
    refused(/topic_config is 5, but must be a Hash/, topic_config: 5)
    refused(/max_wait_timeout is -1/, max_wait_timeout: -1)
    refused(/default is 5/, default: 5)
    refused(/default is true, but must be left out/, default: true, max_wait_timeout: 5)
    refused(/no option :max_wait_timout\. Did you mean `max_wait_timeout`/, max_wait_timout: 1)
    refused(/no option :acks\. It belongs in topic_config: \{ "acks"/, acks: 1)
  end

  it "asks librdkafka about the values, when it is made" do
    refused(/acks/, topic_config: { acks: "many" })
    refused(/compression.codec/, topic_config: { "compression.codec" => "zip" })
  end

  it "leaves an idempotent producer its acks" do
    refused(/acks is "1", but must be all/, { "enable.idempotence": true }, topic_config: { acks: 1 })
    refused(/request.required.acks is "0"/, { "enable.idempotence": true }, topic_config: { "request.required.acks": 0 })
    made = producer("enable.idempotence": true)
    expect(made.with(topic_config: { acks: "all", "compression.codec": "gzip" }).produce_sync(topic: "t", payload: nil)).to be_delivered
  end

  it "has the methods of its producer" do
    made = producer
    variant = made.variant(topic_config: { acks: 1 }, max_wait_timeout: 5)
    expect([variant.id, variant.max_wait_timeout, variant.topic_config, variant.default?]).to eq([made.id, 5, { "acks" => "1" }, false])
    expect([made.with.default?, made.with(default: true).max_wait_timeout]).to eq([true, 60_000])
    variant.produce_sync(topic: "t", payload: "1")
    variant.produce_many_async([{ topic: "t", payload: "2" }])
    variant.produce_many_sync([{ topic: "t", payload: "3" }])
    variant.tombstone_sync(topic: "t", key: "k")
    variant.tombstone_many_async([{ topic: "t", key: "k" }])
    variant.buffer(topic: "t", payload: "4")
    expect(made.messages.size).to eq(1)
    variant.flush_sync
    made.buffer(topic: "t", payload: "5")
    variant.flush_async
    expect(made.client.messages.map { |message| message[:payload] }).to eq(["1", "2", "3", nil, nil, "4", "5"])
    expect(variant.with.producer).to equal(made)
    expect(variant.close).to eq(0)
    expect { made.with(topic_config: { acks: 0 }) }.to raise_error(WaterDrop::Errors::ProducerClosedError)
    expect { variant.produce_sync(topic: "t", payload: nil) }.to raise_error(WaterDrop::Errors::ProducerClosedError)
  end
end
