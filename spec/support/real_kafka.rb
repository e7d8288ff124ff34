# frozen_string_literal: true

require "support/kafka_cluster"
require "support/wait"

# An application of this process on real Kafka, with what it has seen in a Queue.
module RealKafka
  include Wait

  def cluster
    @cluster ||= KafkaCluster.shared
  end

  # Each spec has a group of its own.
  def group
    @group ||= "spec-#{SecureRandom.hex(6)}"
  end

  # What it sends is there once and in order, also when a busy broker answers late: specs count.
  def producer
    servers = cluster.bootstrap_servers
    @producer ||= WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": servers, "enable.idempotence": true } }
  end

  # Consumes the topics with the block as `consume`, in this process.
  def consume(*topics, settings: {}, kafka: {}, &body)
    consumer = Class.new(Karafka::BaseConsumer) { define_method(:consume, &body) }
    servers = cluster.bootstrap_servers
    group_id = group
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": servers, "auto.commit.interval.ms": 100, "topic.metadata.refresh.interval.ms": 1_000, **kafka }
      config.group_id = group_id
      config.logger = Logger.new(@log = StringIO.new)
      config.pause.timeout = 50
      config.pause.max_timeout = 50
    end
    Karafka::App.routes.draw do
      topics.each do |name|
        topic(name) do
          consumer(consumer) && settings.each do |key, value|
            value.is_a?(Hash) ? public_send(key, **value) : public_send(key, value)
          end
        end
      end
    end
    Karafka::Embedded.start
  end

  def committed(topic, partition = 0)
    cluster.committed(group)[[topic, partition]]
  end

  def stop_application
    Karafka::Embedded.stop
    @producer&.close
  end
end
