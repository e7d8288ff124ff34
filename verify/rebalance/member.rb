# frozen_string_literal: true

# The boot file of a member: a line for each batch, with the time of the machine.

require "json"
require "karafka"

$stdout.sync = true

OPTIONS = JSON.parse(ENV.fetch("VERIFY_OPTIONS"), symbolize_names: true)

# Notes what it gets.
class LoadConsumer < Karafka::BaseConsumer
  JOURNAL = File.open(OPTIONS.fetch(:journal), "a").tap { |file| file.sync = true }

  # A little work for each batch, so that leases are out when partitions move.
  def consume
    sleep 0.002
    now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)
    JOURNAL.write(messages.map { |message| "#{now} #{partition} #{message.offset} #{message.raw_payload}\n" }.join)
  end
end

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": OPTIONS.fetch(:brokers), **OPTIONS.fetch(:kafka) }
  config.group_id = OPTIONS.fetch(:group)
  config.concurrency = 5
  config.logger = Logger.new($stdout, level: OPTIONS.dig(:kafka, :debug) ? Logger::DEBUG : Logger::INFO)
end
Karafka::App.routes.draw { topic(OPTIONS.fetch(:topic)) { consumer LoadConsumer } }
Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new(log_polling: false))
