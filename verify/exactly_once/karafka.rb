# frozen_string_literal: true

# A member of the pipeline: what comes goes on to the same partition of the next topic.
class Transform < Karafka::BaseConsumer
  def consume
    messages.each do |message|
      produce_async(topic: ENV.fetch("PIPELINE_OUT"), partition: partition, payload: "r#{message.raw_payload}")
      # Some batches fail half-way; what they have produced must not be seen.
      raise "by chance" if rand(20_000).zero?
    end
  end
end

# The application of a member.
class PipelineApp < Karafka::App
  setup do |config|
    config.kafka = { "bootstrap.servers": ENV.fetch("PIPELINE_BROKERS"), "session.timeout.ms": 3_000, "heartbeat.interval.ms": 500 }
    config.group_id = ENV.fetch("PIPELINE_GROUP")
    config.concurrency = 3
    config.pause.timeout = 50
    config.pause.max_timeout = 200
  end

  routes.draw do
    topic(ENV.fetch("PIPELINE_IN")) do
      consumer Transform
      exactly_once true
      max_messages 200
    end
  end
end
