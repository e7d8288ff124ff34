# frozen_string_literal: true

# The boot file of a member: one consumer group, one topic a mode. Each processed message is a line in the journal
# before anything can be marked, and the kernel has it when the process is killed.

require "json"
require "karafka"

OPTIONS = JSON.parse(ENV.fetch("VERIFY_OPTIONS"), symbolize_names: true)

# One line for each thing that happened, with the time of the machine in microseconds.
module Journal
  FILE = File.open(OPTIONS.fetch(:journal), "a").tap { |file| file.sync = true }

  def self.write(kind, *fields)
    FILE.write("#{kind} #{Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)} #{fields.join(" ")}\n")
  end
end

# What all modes do: process, and fail now and then.
class VerifiedConsumer < Karafka::BaseConsumer
  class RandomFailure < StandardError; end

  CHANCE = Random.new(OPTIONS.fetch(:seed))
  LOCK = Mutex.new

  private

  def chance(part) = LOCK.synchronize { CHANCE.rand } < part

  def process(message)
    Journal.write("P", message.topic, message.partition, message.offset, message.raw_payload)
  end

  # Processes the batch and yields each message that is done. Now and then one fails.
  # @param first [Karafka::Messages::Message, nil] where a new delivery may begin; nil: at the one that fails
  def process_each(first: nil)
    failing = chance(0.03) ? messages.to_a.sample : nil
    messages.each do |message|
      fail_at((first || message).offset) if message.equal?(failing)
      process(message)
      yield message if block_given?
    end
  end

  # @param first [Integer] offset from which a new delivery may begin
  def fail_at(first)
    Journal.write("F", topic.name, partition, first)
    raise RandomFailure, "at #{first}"
  end
end

# Batches that are marked when they are done.
class AutomaticConsumer < VerifiedConsumer
  def consume = process_each(first: messages.first)
end

# Marks each message itself.
class ManualConsumer < VerifiedConsumer
  def consume
    process_each { |message| chance(0.02) ? mark_as_consumed!(message) : mark_as_consumed(message) }
  end
end

# One message at a time.
class SingleConsumer < VerifiedConsumer
  def consume
    fail_at(params.offset) if chance(0.002)
    process(params)
  end
end

# Several batches of one partition at once, each key in order.
class ParallelConsumer < VerifiedConsumer
  def consume
    process_each { |message| mark_as_consumed(message) }
  end
end

# One message in a hundred can never be processed.
class DeadConsumer < VerifiedConsumer
  def consume
    messages.each do |message|
      fail_at(messages.first.offset) if message.raw_payload.end_with?("13")
      process(message)
    end
  end
end

# What is in the dead letter queue is accounted for, too.
class LettersConsumer < VerifiedConsumer
  def consume
    messages.each { |message| Journal.write("D", *message.headers.values_at("source_topic", "source_partition", "source_offset")) }
  end
end

CONSUMERS = { "automatic" => AutomaticConsumer, "manual" => ManualConsumer, "single" => SingleConsumer, "parallel" => ParallelConsumer,
              "dead" => DeadConsumer, "letters" => LettersConsumer }.freeze

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": OPTIONS.fetch(:brokers), "auto.commit.interval.ms": 500, "session.timeout.ms": 6_000,
                   "heartbeat.interval.ms": 1_000, "reconnect.backoff.max.ms": 1_000, **OPTIONS.fetch(:kafka) }.compact
  config.client_id = OPTIONS.fetch(:member)
  config.group_id = OPTIONS.fetch(:group)
  config.concurrency = 3
  config.max_messages = 50
  config.pause.timeout = 50
  config.pause.max_timeout = 200
  config.shutdown_timeout = 20_000
  config.logger = Logger.new($stdout, level: Logger::INFO)
end

Karafka::App.routes.draw do
  OPTIONS.fetch(:topics).each do |mode, name|
    topic(name) do
      consumer CONSUMERS.fetch(mode.to_s)
      manual_offset_management true if mode == :manual
      batch_consuming false if mode == :single
      parallel by: :key, limit: 3 if mode == :parallel
      dead_letter_queue topic: OPTIONS.fetch(:topics).fetch(:letters), max_retries: 1 if mode == :dead
    end
  end
end

{ assigned: "A", revoked: "R" }.each do |verb, kind|
  Karafka.monitor.subscribe("rebalance.partitions_#{verb}") do |event|
    places = event[:partitions].map { |place| place.join("/") }
    Journal.write(kind, *places)
    Karafka.logger.info("#{verb}#{" (lost)" if event[:lost]}: #{places.join(", ")}")
  end
end
