# frozen_string_literal: true

# Jobs of Active Job in Kafka, without Rails.
#   KAFKA_BROKERS=localhost:9092 karafka server     performs them
#   KAFKA_BROKERS=localhost:9092 ruby enqueue.rb    enqueues some
require "karafka"
require "karafka/active_job"

ActiveJob::Base.queue_adapter = :karafka

%w[application charge reminder].each { |name| require_relative "app/jobs/#{name}_job" }

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "localhost:9092") }
  config.client_id = "shop"
  config.concurrency = 5
end

Karafka::App.routes.draw do
  # Charges of one customer in order, those of different customers at once.
  active_job_topic :charges do
    parallel by: :key, limit: 5
    dead_letter_queue topic: "charges.dead", max_retries: 2
  end

  active_job_topic :default
  active_job_delays
end
