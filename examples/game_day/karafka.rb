# frozen_string_literal: true

# Adds up delays of flights. It has a mistake: a cancelled flight has no delay. FIXED=1 is the next version, without it.
#   KAFKA_BROKERS=localhost:9092 bundle exec karafka server
require "karafka"

TOPIC = ENV.fetch("TOPIC", "flights")
# Numbers of the flights that were processed, a line each.
PROCESSED = File.open(ENV.fetch("PROCESSED", "processed.txt"), "a").tap { |file| file.sync = true }

class DelaysConsumer < Karafka::BaseConsumer
  def consume
    messages.each do |message|
      flight = message.payload
      delay = ENV["FIXED"] ? flight["dep_delay"].to_i : Integer(flight["dep_delay"])
      PROCESSED.write("#{flight["number"]} #{delay}\n")
      mark_as_consumed(message)
    end
  end
end

class KarafkaApp < Karafka::App
  setup do |config|
    # Commits that often show the lag as it falls; the default of 5 seconds is better elsewhere.
    config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "localhost:9092"), "auto.commit.interval.ms": 500 }
    config.group_id = ENV.fetch("GROUP", "delays")
    config.logger = Logger.new($stderr, level: Logger::ERROR)
  end

  routes.draw do
    topic(TOPIC) do
      consumer DelaysConsumer
      config partitions: 4
      dead_letter_queue topic: "#{TOPIC}.dead", max_retries: 0
      throttle limit: Integer(ENV.fetch("RATE", "2000")), interval: 1_000 # so that the lag can be watched
    end
  end

  declaratives.draw { topic("#{TOPIC}.dead") { partitions 4 } }
end
