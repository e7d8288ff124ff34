# frozen_string_literal: true

RSpec.describe Karafka::Admin, "and values that Kafka cannot have" do
  # Nobody is asked.
  let(:admin) { limited(1) }

  def limited(max_wait_time) = described_class.new(kafka: { "bootstrap.servers": "127.0.0.1:1" }, max_wait_time: max_wait_time)
  def refused(with, &) = expect(&).to raise_error(Karafka::Errors::InvalidConfigurationError, with)

  it "refuses an offset that is too large" do
    refused(/the new offset of orders is 9223372036854775808/) { admin.seek_consumer_group("shop", { "orders" => 2**63 }) }
    refused(/offset is 9223372036854775808/) { admin.topics.delete_records({ "orders" => { 0 => 2**63 } }) }
    refused(/offset is 9223372036854775808/) { admin.read_partition_offsets({ "orders" => [{ partition: 0, offset: 2**63 }] }) }
    expect { admin.seek_consumer_group("shop", { "orders" => (2**63) - 1 }) }.to raise_error(Karafka::Errors::KafkaError)
  end

  it "refuses names that are no UTF-8" do
    ["\xFF", "\xFF".b].each do |name|
      refused(/topic is "\\xFF", but must be a name: .* in UTF-8/) { admin.topic_info(name) }
      refused(/group is "\\xFF"/) { admin.consumer_groups.describe(name) }
    end
    expect { admin.topic_info("orders".b) }.to raise_error(Karafka::Errors::KafkaError)
  end

  it "refuses a time that is none" do
    [0, -1, 2**31, "5"].each do |value|
      refused(/max_wait_time is #{value.inspect}/) { limited(value) }
    end
  end
end
