# frozen_string_literal: true

require "karafka/compat/delivery_boy"
require "karafka/compat/phobos"
require "karafka/compat/racecar"
require "support/adapter_examples"

RSpec.describe AdapterExamples do
  settings = { "racecar" => Racecar::Settings::ALL.keys, "delivery_boy" => DeliveryBoy::Config::VARIABLES.keys,
               "phobos" => %i[
                 client_id seed_brokers connect_timeout socket_timeout required_acks ack_timeout max_retries retry_backoff compression_codec
                 compression_threshold max_buffer_size max_buffer_bytesize max_queue_size delivery_threshold delivery_interval
                 persistent_connections session_timeout offset_commit_interval offset_commit_threshold heartbeat_interval
                 offset_retention_time min_ms max_ms handler topic group_id delivery start_from_beginning max_bytes_per_partition min_bytes
                 max_wait_time force_encoding max_concurrency backoff file level stdout_json custom_logger custom_kafka_logger
               ] }

  described_class::LIBRARIES.each do |library|
    it("has one of each public method of #{library}") { expect(described_class.methods_without(library)).to eq([]) }
    it("has one of each event of #{library}") { expect(described_class.events_without(library)).to eq([]) }
  end

  settings.each do |library, names|
    it("has one of each setting of #{library}") { expect(described_class.settings_without(library, names)).to eq([]) }
  end

  { "ruby_kafka" => Kafka, "racecar" => Racecar, "phobos" => Phobos }.each do |library, namespace|
    it("has one of each error of #{library}") { expect(described_class.errors_without(library, namespace)).to eq([]) }
  end

  it "looks at all of them" do
    allow(described_class).to receive(:examples).and_return("")
    found = described_class::LIBRARIES.to_h do |library|
      [library, [described_class.methods_without(library).size, described_class.events_without(library).size]]
    end
    expect(found).to match("ruby_kafka" => [a_value > 80, a_value > 18], "delivery_boy" => [a_value > 28, 0],
                           "racecar" => [a_value > 50, a_value > 12], "phobos" => [a_value > 40, a_value > 12])
    expect(described_class.errors_without("ruby_kafka", Kafka).size).to be > 65
  end
end
