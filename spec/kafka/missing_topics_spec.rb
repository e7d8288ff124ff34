# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"

# The first start of an application whose dead letter queue is not there, where brokers create topics by themselves.
RSpec.describe "a dead letter queue that is not there yet", deadline: 300 do
  include RealKafka

  before { skip(KafkaCluster.unavailable) if KafkaCluster.unavailable }

  after do
    stop_application
    @cluster.down
  end

  it "is no warning where the first message makes it, and is not made before" do
    @cluster = KafkaCluster.new("spec-auto-create").up(heap: "256m", properties: { "auto.create.topics.enable" => true })
    topic = cluster.create_topic
    dead = "#{topic}.dead"
    consume(topic, settings: { dead_letter_queue: { topic: dead, max_retries: 0 } }) { raise "no" }
    expect(@log.string).to match(/INFO.*Kafka has no topic #{Regexp.escape(dead)}.*The broker creates it/)
    expect(cluster.admin.metadata.fetch(:topics).keys).not_to include(dead)
    producer.produce_sync(topic: topic, payload: "x")
    wait_until("the dead letter") { cluster.admin.metadata.fetch(:topics).key?(dead) && cluster.watermarks(dead).values == [[0, 1]] }
    expect(@log.string).not_to match(/WARN.*(topic|create)/)
  end
end
