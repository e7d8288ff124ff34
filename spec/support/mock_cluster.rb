# frozen_string_literal: true

require "support/wait"
require "support/wire_producer"

# librdkafka's mock cluster in this process.
module MockCluster
  include Wait

  def broker
    @broker ||= Karafka::Native::MockBroker.new(1)
  end

  # @param payloads [Array<String, nil>]
  # @return [Integer] offset of the first one
  def produce(topic, payloads, partition: 0, keys: [], headers: [])
    rows = payloads.each_with_index.map { |payload, index| { value: payload, key: keys[index], headers: headers[index]&.to_a } }
    WireProducer.new(broker.bootstrap_servers).produce(topic, partition, rows)
  end

  # @return [Integer, nil] what the group has committed
  def committed(group, topic, partition = 0)
    WireProducer.new(broker.bootstrap_servers).committed_offset(group, topic, partition)
  end

  # Sends one more, which arrives behind them.
  # @return [Integer] messages that were in partition 0 of the topic before
  def sent_to(topic)
    made = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": broker.bootstrap_servers } }
    made.produce_sync(topic: topic, payload: nil).offset
  ensure
    made.close
  end

  # A producer that is closed with the cluster.
  # @param kafka [Hash{Symbol=>Object}] settings of librdkafka
  # @param log [IO, String] where it writes what it logs
  def new_producer(kafka = {}, log: File::NULL)
    made = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": broker.bootstrap_servers, log_level: 0 }.merge(kafka)
      config.logger = Logger.new(log)
      yield config if block_given?
    end
    (@producers ||= []) << made
    made
  end

  def close_cluster
    @producers&.each { |producer| producer.close(0) }
    @broker&.close
  end

  # @return [StringIO] what the application has logged
  attr_reader :log

  # Settings and routes on the mock cluster, with short times.
  def application(brokers: broker.bootstrap_servers, &routes)
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": brokers, "session.timeout.ms": 6_000, "auto.commit.interval.ms": 100 }
      config.logger = Logger.new(@log = StringIO.new)
      config.concurrency = 2
      config.shutdown_timeout = 10_000
      config.pause.timeout = 50
      config.pause.max_timeout = 50
    end
    Karafka::App.routes.draw(&routes)
  end

  # A consumer class with that `consume`.
  def consumer_class(&)
    Class.new(Karafka::BaseConsumer) { define_method(:consume, &) }
  end

  # Consumes `orders` in this process, with these settings of the topic.
  # @param consumer [Class, nil] nil: one with the block as `consume`
  # @param pause_ms [Integer] before what failed comes again
  def start_orders(consumer = nil, pause_ms: 50, **settings, &body)
    klass = consumer || consumer_class(&body)
    application do
      topic(:orders) do
        consumer(klass)
        settings.each { |key, value| value.is_a?(Hash) ? public_send(key, **value) : public_send(key, value) }
      end
    end
    Karafka::App.config.pause.timeout = pause_ms
    Karafka::Embedded.start
  end
end
