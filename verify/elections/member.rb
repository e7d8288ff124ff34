# frozen_string_literal: true

# The boot file of a member: notes each message once it is processed.

require "json"
require "karafka"

$stdout.sync = true

OPTIONS = JSON.parse(ENV.fetch("VERIFY_OPTIONS"), symbolize_names: true)

# The message "stuck" is not finished for long, so those behind it are beyond the commit.
class NotingConsumer < Karafka::BaseConsumer
  JOURNAL = File.open(OPTIONS.fetch(:journal), "a").tap { |file| file.sync = true }

  def consume
    messages.each do |message|
      JOURNAL.write("#{topic.name} #{message.offset} #{message.raw_payload}\n")
      sleep 0.1 until message.raw_payload != "stuck" || File.exist?(OPTIONS.fetch(:go))
    end
  end
end

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": OPTIONS.fetch(:brokers), "auto.commit.interval.ms": 200,
                   "session.timeout.ms": OPTIONS.fetch(:session), "topic.metadata.refresh.interval.ms": 1_000,
                   "reconnect.backoff.max.ms": 1_000 }
  config.group_id = OPTIONS.fetch(:group)
  config.shutdown_timeout = 2_000
  config.logger = Logger.new($stdout, level: Logger::INFO)
end
Karafka::App.routes.draw do
  topic(OPTIONS.fetch(:plain)) { consumer NotingConsumer }
  topic(OPTIONS.fetch(:parallel)) do
    consumer NotingConsumer
    max_messages 1
    parallel by: :none, limit: 5
  end
end
Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new(log_polling: false))
