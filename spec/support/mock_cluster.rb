# frozen_string_literal: true

require "support/wait"

# librdkafka's mock cluster in this process, with a producer.
module MockCluster
  include Wait

  def broker
    @broker ||= Karafka::Native::MockBroker.new(1)
  end

  def mock_producer
    @mock_producer ||= Karafka::Native::Producer.new({ kafka: { "bootstrap.servers" => broker.bootstrap_servers, "linger.ms" => "1" } })
  end

  # @param payloads [Array<String, nil>]
  def produce(topic, payloads, partition: 0, keys: [], headers: [])
    rows = payloads.each_with_index.map do |payload, index|
      { topic: topic, payload: payload, partition: partition, key: keys[index], headers: headers[index] }.compact
    end
    delivery = mock_producer.produce(rows, 5_000)
    raise "not delivered within 20 s" unless delivery.wait(20_000)

    failed = Array.new(rows.size) { |index| delivery.report(index) }.find { |report| report[2] }
    raise "not delivered: #{failed.inspect}" if failed
  end

  def close_cluster
    @mock_producer&.close(2_000)
    @broker&.close
  end

  # Settings and routes on the mock cluster, with short times.
  def application(brokers: broker.bootstrap_servers, &routes)
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": brokers, "session.timeout.ms": 6_000, "auto.commit.interval.ms": 100 }
      config.concurrency = 2
      config.shutdown_timeout = 10_000
      config.pause.timeout = 50
      config.pause.max_timeout = 50
    end
    Karafka::App.routes.draw(&routes)
  end

  # A consumer class with that `consume`.
  def consumer_class(&body)
    Class.new(Karafka::BaseConsumer) { define_method(:consume, &body) }
  end
end
