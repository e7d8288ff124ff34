# frozen_string_literal: true

# The boot file of a member: notes each payload. Runs on other versions of the gem, too.

require "json"
require "karafka"

$stdout.sync = true
OPTIONS = JSON.parse(ENV.fetch("VERIFY_OPTIONS"), symbolize_names: true)

# Notes what it gets.
class CompatibilityConsumer < Karafka::BaseConsumer
  JOURNAL = File.open(OPTIONS.fetch(:journal), "a").tap { |file| file.sync = true }

  def consume
    JOURNAL.write(messages.map { |message| "#{message.raw_payload}\n" }.join)
  end
end

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": OPTIONS.fetch(:brokers), "auto.commit.interval.ms": 200, **OPTIONS.fetch(:kafka) }
  config.group_id = OPTIONS.fetch(:group)
  config.concurrency = 2
  config.logger = Logger.new($stdout, level: Logger::INFO)
end
Karafka::App.routes.draw do
  topic(OPTIONS.fetch(:topic)) do
    consumer CompatibilityConsumer
    parallel by: :none, limit: 4 if OPTIONS[:parallel]
  end
end
Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new(log_polling: false))
