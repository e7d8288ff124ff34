#!/usr/bin/env ruby
# frozen_string_literal: true

# Whether throttle, delay_by and expire_after hold their numbers, and what waiting for them costs: one process, three
# topics with four partitions each on real Kafka, a minute.
#   verify/rate.rb [--seconds 60] [--brokers HOST:PORT]

require "optparse"
require "json"
require_relative "../spec/support/kafka_cluster"
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "karafka"

options = { seconds: 60, brokers: ENV.fetch("KARAFKA_TEST_BROKERS", nil) }
OptionParser.new do |parser|
  parser.on("--seconds N", Integer)
  parser.on("--brokers LIST")
end.parse!(into: options)
SECONDS = options[:seconds]
BROKERS = options[:brokers] || (KafkaCluster.running || KafkaCluster.new.up(heap: "512m")).bootstrap_servers

PARTITIONS = 4
LIMIT = 100
# Timestamps must lie in the past when they are sent, so both are longer than the run.
AGE_MS = (SECONDS + 10) * 1_000
ALLOWED = 0.05

# What came when, by topic; in wall-clock milliseconds, as Kafka's timestamps.
SEEN = Hash.new { |hash, key| hash[key] = [] }
SEEN_LOCK = Mutex.new
def now_ms = Process.clock_gettime(Process::CLOCK_REALTIME, :float_millisecond)
def cpu_ms = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :float_millisecond)

# Notes when each message came, and how old it was.
class RateConsumer < Karafka::BaseConsumer
  def consume
    now = now_ms
    ages = messages.map { |message| now - (message.timestamp.to_r * 1_000).to_f }
    SEEN_LOCK.synchronize { SEEN[topic.name[/\A[a-z]+/]].concat(ages.map { |age| [now, age] }) }
  end
end

RUN = "#{Process.pid}-#{now_ms.to_i}".freeze
TOPICS = %w[throttled delayed expiring].to_h { |name| [name, "#{name}-#{RUN}"] }

def fill(producer, name, count)
  list = Array.new(count) do |index|
    { topic: TOPICS.fetch(name), partition: index % PARTITIONS, payload: "{}", timestamp: yield(index).to_i }
  end
  list.each_slice(2_000) { |slice| producer.produce_many_sync(slice) }
end

cluster_admin = KafkaCluster.running
abort "verify/rate creates its topics with the cluster of rake kafka:up; KARAFKA_KAFKA_DIR says where that is" unless cluster_admin
TOPICS.each_value { |topic| cluster_admin.create_topic(topic, partitions: PARTITIONS) }

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": BROKERS }
  config.group_id = "rate-#{RUN}"
  config.max_messages = 30
  config.logger = Logger.new($stderr, level: Logger::WARN)
end
Karafka::App.routes.draw do
  topic(TOPICS["throttled"]) do
    consumer RateConsumer
    throttle limit: LIMIT, interval: 1_000
  end
  topic(TOPICS["delayed"]) do
    consumer RateConsumer
    delay_by AGE_MS
  end
  topic(TOPICS["expiring"]) do
    consumer RateConsumer
    expire_after AGE_MS
    throttle limit: 20, interval: 1_000
  end
end

skipped = 0
Karafka.monitor.subscribe("filtering.skipped") { |event| skipped += event[:expired] }
Karafka::Server.start
deadline = now_ms + 30_000
until Karafka::Server.state[:groups].sum { |group| group[:assigned].size } == 3 * PARTITIONS
  abort "no assignment within 30 s" if now_ms > deadline
  sleep 0.05
end
sleep 3
idle = cpu_ms
sleep 10
idle = (cpu_ms - idle) / 10

Karafka::Server.pause
producer = Karafka.producer
# All of it lies there from the beginning: what comes when is decided by the engine alone.
start = now_ms + 3_000
fill(producer, "throttled", LIMIT * (SECONDS + 20)) { now_ms }
# One becomes old enough every 50 ms.
fill(producer, "delayed", SECONDS * 20) { |index| start - AGE_MS + (index * 50) }
# One expires every 10 ms.
fill(producer, "expiring", SECONDS * 100) { |index| start - AGE_MS + (index * 10) }
producer.close
sleep [(start - now_ms) / 1_000, 0].max
Karafka::Server.resume
busy = cpu_ms
sleep SECONDS + 1
busy = (cpu_ms - busy) / (SECONDS + 1)
delivered = SEEN_LOCK.synchronize { SEEN.transform_values(&:dup) }
counted = Karafka::Server.state[:skipped][:expired]
Karafka::Server.stop
Karafka::Server.wait(60)

first = delivered["throttled"].first.first
rate = delivered["throttled"].count { |at, _| at < first + (SECONDS * 1_000) } / SECONDS.to_f
late = delivered["delayed"].map { |_, age| age - AGE_MS }.sort
over = delivered["expiring"].map { |_, age| age - AGE_MS }.max
results = {
  throttle: { expected_per_s: LIMIT, per_s: rate.round(2), deviation: ((rate / LIMIT) - 1).round(4) },
  delay: { messages: late.size, earliest_ms: late.first.round(1), median_late_ms: late[late.size / 2].round(1),
           latest_ms: late.last.round(1),
           deviation: (late.last / AGE_MS).round(4) },
  expire: { delivered: delivered["expiring"].size, skipped: counted, oldest_over_limit_ms: over.round(1),
            deviation: ([over, 0].max / AGE_MS).round(4) },
  cpu_ms_per_s: { idle: idle.round(2), waiting: busy.round(2) }
}
results.each { |name, figures| puts "#{name}: #{figures.map { |key, value| "#{key} #{value}" }.join(", ")}" }
puts JSON.generate(results)
wrong = results.slice(:throttle, :delay, :expire).select { |_, figures| figures[:deviation].abs > ALLOWED }.keys
# Kafka keeps whole milliseconds.
wrong << :delay_early if late.first < -1
wrong << :delay_lost if late.size < (SECONDS - 1) * 20
wrong << :cpu if busy > idle + 20
abort "not within #{ALLOWED * 100} %: #{wrong.join(", ")}" unless wrong.empty?
puts "all within #{ALLOWED * 100} %"
