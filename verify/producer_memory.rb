#!/usr/bin/env ruby
# frozen_string_literal: true

# Memory of a process that produces for long: 20 million messages on real Kafka, one by one and in calls of 1,000, with
# handles that nobody waits for, and with a subscriber that is slower than the producer. RSS after each million; the
# median of the later half may be 10 % over that of the earlier.
#   verify/producer_memory.rb [--millions 20] [--slow 500000]

require "json"
require "optparse"
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "waterdrop"
require_relative "../spec/support/kafka_cluster"

options = { millions: 20, slow: 500_000 }
OptionParser.new do |parser|
  parser.on("--millions N", Integer)
  parser.on("--slow N", Integer, "messages for the slow subscriber")
end.parse!(into: options)

CLUSTER = KafkaCluster.shared
TOPIC = CLUSTER.create_topic(partitions: 4, config: { "retention.bytes" => 100_000_000, "segment.bytes" => 50_000_000 })
MESSAGES = Array.new(10_000) { |index| { topic: TOPIC, key: index.to_s, payload: "x" * 100 }.freeze }.freeze
BATCHES = MESSAGES.each_slice(1_000).to_a.freeze

def rss_mb = File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1].to_i / 1024.0

def producer
  WaterDrop::Producer.new do |config|
    config.kafka = { "bootstrap.servers": CLUSTER.bootstrap_servers }
    config.wait_timeout_on_queue_full = 600_000
    config.max_wait_timeout = 600_000
  end
end

def drain(producer)
  sleep 0.01 until producer.queue_size.zero?
end

# A million: half of it one by one.
def million(producer)
  50.times do
    MESSAGES.each { |message| producer.produce_async(message) }
    BATCHES.each { |batch| producer.produce_many_async(batch) }
  end
  drain(producer)
end

plain = producer
samples = Array.new(options[:millions]) do |index|
  million(plain)
  rss_mb.tap { |sample| warn "#{index + 1} M: #{sample.round(1)} MB" }
end
plain.close
GC.start
handles = ObjectSpace.each_object(WaterDrop::DeliveryHandle).count

# 50 microseconds for each report: several times what producing one takes.
slow = producer
seen = 0
slow.monitor.subscribe("message.acknowledged") do
  seen += 1
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 0.000_05
  nil while Process.clock_gettime(Process::CLOCK_MONOTONIC) < deadline
end
peak = 0
watcher = Thread.new do
  loop do
    peak = [peak, rss_mb].max
    sleep 0.1
  end
end
(options[:slow] / MESSAGES.size).times { BATCHES.each { |batch| slow.produce_many_async(batch) } }
drain(slow)
slow.close
watcher.kill
CLUSTER.delete_topic(TOPIC)

# Without the first, which fills pools. Halves, because single samples move with where the collector just is.
early, late = samples.drop(1).each_slice([(samples.size / 2.0).floor, 1].max).first(2).map { |half| half.sort[half.size / 2] }
growth = late ? ((late / early) - 1) * 100 : 0
puts JSON.generate(verify: "producer_memory", millions: options[:millions], samples_mb: samples.map { |sample| sample.round(1) },
                   growth_percent: growth.round(1), handles_left: handles, slow_messages: options[:slow], slow_seen: seen,
                   slow_peak_mb: peak.round(1))
exit(growth < 10 && handles < 20_000 && seen == options[:slow])
