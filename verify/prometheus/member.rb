# frozen_string_literal: true

# The boot file of a process that is scraped. Its journal has a line for each batch and each event, written before the engine counts it.

require "json"
require "karafka"

OPTIONS = JSON.parse(ENV.fetch("VERIFY_OPTIONS"), symbolize_names: true)

# Kind, time in seconds since 1970, and a number or a name.
module Journal
  FILE = File.open(OPTIONS.fetch(:journal), "a").tap { |file| file.sync = true }

  def self.write(kind, what) = FILE.write("#{kind} #{Process.clock_gettime(Process::CLOCK_REALTIME)} #{what}\n")
end

# Fails now and then, and always at some messages, which become dead letters.
class ScrapedConsumer < Karafka::BaseConsumer
  def consume
    if messages.any? { |message| message.raw_payload.end_with?("99") } || rand < 0.03
      Journal.write("failed", messages.size)
      raise "on purpose"
    end
    Journal.write("consumed", messages.size)
  end
end

# What an order in a message says: each is the condition of an alert.
class OrderedConsumer < Karafka::BaseConsumer
  MODULUS = (1 << 4096) + 1

  def consume
    order, *arguments = messages.first.raw_payload.split
    send(:"order_#{order}", *arguments) if order
  end

  private

  def order_poison = raise("on purpose")
  def order_plain = nil

  # Until there is such a file.
  def order_wait(file)
    sleep 0.05 until File.exist?(file)
  end

  # Each time there is something to be committed.
  def order_remark(file)
    until File.exist?(file)
      store_offset_metadata(rand.to_s)
      mark_as_consumed(messages.first)
      sleep 0.2
    end
  end

  def order_send(topic)
    producer.produce_sync(topic: topic, payload: "x" * 10_000)
  rescue WaterDrop::Errors::ProduceError
    nil # That is what is wanted.
  end

  # In C, without a look at interrupts, for a second or more each time.
  def order_hold(file)
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    3.pow((1 << 20_000) - 1, MODULUS)
    bits = (20_000 / (Process.clock_gettime(Process::CLOCK_MONOTONIC) - began)).to_i
    3.pow((1 << bits) - 1, MODULUS) until File.exist?(file)
  end
end

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": OPTIONS.fetch(:brokers), "auto.commit.interval.ms": 200, "session.timeout.ms": 6_000,
                   "heartbeat.interval.ms": 500, "reconnect.backoff.max.ms": 1_000, "topic.metadata.refresh.interval.ms": 1_000 }
  config.group_id = OPTIONS.fetch(:group)
  config.concurrency = 4
  config.max_messages = 20
  config.pause.timeout = 100
  config.pause.max_timeout = 200
  config.shutdown_timeout = 20_000
  config.http.port = OPTIONS.fetch(:port)
  config.control.socket = OPTIONS[:control]
  config.logger = Logger.new($stdout, level: Logger::INFO)
end

Karafka::App.routes.draw do
  OPTIONS.fetch(:topics).each do |name, kind|
    topic(name) do
      consumer(kind == "scraped" ? ScrapedConsumer : OrderedConsumer)
      dead_letter_queue(topic: OPTIONS.fetch(:dead), max_retries: 1) unless kind == "stubborn"
    end
  end
end

Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |_| Journal.write("dead", 1) }
# More than these: what a caller had given up may arrive after all.
Karafka.producer.monitor.subscribe("message.acknowledged") { |_| Journal.write("acknowledged", 1) }
[Karafka.monitor, Karafka.producer.monitor].each do |monitor|
  monitor.subscribe("error.occurred") { |event| Journal.write("error", event[:type]) }
end
