# frozen_string_literal: true

# The measured process of bench/produce: a producer as a user would write it. Takes its options as JSON; prints one JSON
# line when each message has its answer.

require "json"
# Of bench/incumbents: the gems that it names instead of this checkout.
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__)) unless ENV["BENCH_GEM_HOME"]
require "waterdrop"

OPTIONS = JSON.parse(ARGV.fetch(0), symbolize_names: true)
TOPIC = OPTIONS.fetch(:topic)
# Enough for all batches to differ, little enough for the memory not to be part of the measurement.
MESSAGES = File.foreach(OPTIONS.fetch(:file)).first(20_000).map do |line|
  row = line.chomp
  { topic: TOPIC, payload: row, key: row[/"tailnum":"([^"]*)"/, 1] || row[/"flight":(\d+)/, 1] }
end.freeze
BATCHES = MESSAGES.each_slice(1_000).to_a.freeze
# Messages, and those that the subscriber has heard of.
HEARD = { produced: 0, acknowledged: 0 } # rubocop:disable Style/MutableConstant
PRODUCER = WaterDrop::Producer.new do |config|
  config.kafka = { "bootstrap.servers": OPTIONS.fetch(:brokers), **OPTIONS.fetch(:kafka, {}) }
  config.max_wait_timeout = 120_000
  config.wait_timeout_on_queue_full = 120_000
end

# What most applications do with it: count.
if OPTIONS[:mode].end_with?("acknowledged")
  PRODUCER.monitor.subscribe("message.acknowledged") { |event| HEARD[:acknowledged] += 1 if event[:offset] }
end

def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
def cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
def status_mb(name) = File.read("/proc/self/status")[/#{name}:\s+(\d+)/, 1].to_i / 1024.0

def drain
  sleep 0.001 until (PRODUCER.respond_to?(:queue_size) ? PRODUCER.queue_size : PRODUCER.client.queue_size).zero?
  return unless OPTIONS[:mode].end_with?("acknowledged")

  sleep 0.001 until HEARD[:acknowledged] == HEARD[:produced]
end

# @return [Array<Float>, nil] ms each call took, where that is what is measured
def run(mode, count)
  HEARD[:produced] += count
  case mode
  when "async", "acknowledged" then (count / MESSAGES.size).times { MESSAGES.each { |message| PRODUCER.produce_async(message) } }
  when "many-async", "many-acknowledged" then (count / MESSAGES.size).times { BATCHES.each { |batch| PRODUCER.produce_many_async(batch) } }
  when "many-sync" then (count / MESSAGES.size).times { BATCHES.each { |batch| PRODUCER.produce_many_sync(batch) } }
  when "sync" then return single(count)
  else abort "unknown mode #{mode}"
  end
  drain
  nil
end

def single(count)
  MESSAGES.cycle.first(count).map do |message|
    before = Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_millisecond)
    PRODUCER.produce_sync(message)
    Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_millisecond) - before
  end.sort
end

mode = OPTIONS.fetch(:mode)
count = OPTIONS.fetch(:count)
# Connections, leaders and the first batches are not part of the rate.
run(mode, mode == "sync" ? 200 : MESSAGES.size)
GC.start
started = clock
cpu_started = cpu
collections = GC.count
latencies = run(mode, count)
seconds = clock - started
cpu_seconds = cpu - cpu_started
result = { messages: count, seconds: seconds, per_second: count / seconds, cpu_s_per_million: cpu_seconds / count * 1e6,
           rss_mb: status_mb("VmHWM"), gc: GC.count - collections }
result.merge!(p50_ms: latencies[latencies.size / 2], p99_ms: latencies[(latencies.size * 0.99).to_i]) if latencies
undelivered = PRODUCER.close.to_i
abort "#{undelivered} messages were not delivered" unless undelivered.zero?
puts JSON.generate(result)
