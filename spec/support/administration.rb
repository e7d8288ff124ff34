# frozen_string_literal: true

require "support/kafka_cluster"
require "support/wait"

# An application that is set up for the shared cluster, and topics and groups with names of their own.
module Administration
  include Wait

  def cluster = @cluster ||= KafkaCluster.shared

  def set_up(**kafka)
    servers = cluster.bootstrap_servers
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": servers, **kafka }
      config.logger = Logger.new(nil)
      config.admin.max_wait_time = 20_000
    end
  end

  def close_producer
    Karafka.producer.close if Karafka::App.config.producer?
  end

  def unused_name(kind = "t") = "#{kind}-#{SecureRandom.hex(6)}"

  # @return [String] a new topic with these payloads in its first partition
  def topic_with(*payloads, partitions: 1)
    name = cluster.create_topic(partitions: partitions)
    Karafka.producer.produce_many_sync(payloads.map { |payload| { topic: name, payload: payload, partition: 0 } }) if payloads.any?
    name
  end

  # An error of Kafka's with that code, in one line that says what to do.
  def fail_with(code, text = //)
    raise_error(Karafka::Errors::KafkaError) do |error|
      expect(error.code).to eq(code)
      expect(error.message).to match(text)
      expect(error.message.lines.size).to eq(1)
    end
  end
end
