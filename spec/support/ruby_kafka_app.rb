# frozen_string_literal: true

require "support/kafka_cluster"
require "support/wait"
require "karafka/compat/ruby-kafka"
require "active_support"
require "active_support/notifications"

# A client of ruby-kafka's on the specs' cluster, with a topic and a group of its own.
module RubyKafkaApp
  include Wait

  def self.included(specs)
    specs.class_eval do
      let(:cluster) { KafkaCluster.shared }
      let(:topic) { cluster.create_topic(partitions: 3) }
      let(:group) { "spec-#{SecureRandom.hex(6)}" }
      let(:kafka) { Kafka.new(cluster.bootstrap_servers, client_id: "spec", logger: Logger.new(log)) }
      let(:log) { StringIO.new }
    end
  end

  # Consumes until `count` messages were seen.
  def consumed(consumer, count, method = :each_message, **options)
    seen = []
    consumer.public_send(method, **options) do |given|
      seen.concat(given.respond_to?(:messages) ? given.messages : [given])
      consumer.stop if seen.size >= count
    end
    seen
  end

  def consumer(**options) = kafka.consumer(group_id: group, **options).tap { |one| one.subscribe(topic) }

  def events(pattern)
    seen = []
    subscriber = ActiveSupport::Notifications.subscribe(pattern) { |*args| seen << ActiveSupport::Notifications::Event.new(*args) }
    yield
    seen
  ensure
    ActiveSupport::Notifications.unsubscribe(subscriber)
  end

  def leads?(name, partition)
    kafka.last_offset_for(name, partition) == -1
  rescue Kafka::NotLeaderForPartition, Kafka::LeaderNotAvailable
    false
  end

  def committed = kafka.fetch_group_offsets(group).fetch(topic, {}).transform_values(&:offset)
end
