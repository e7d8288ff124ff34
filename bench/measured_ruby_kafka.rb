# frozen_string_literal: true

# The measured process of bench/ruby_kafka: a consumer and producers as one writes them with ruby-kafka and delivery_boy. Started with
# its options as JSON; prints one JSON line when `count` messages were seen, or have their answers.

require "json"
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "karafka/compat/delivery_boy"

OPTIONS = JSON.parse(ARGV.fetch(0), symbolize_names: true)
COUNT = OPTIONS.fetch(:count)
TOPIC = OPTIONS.fetch(:topic)

def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
def cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)

def report(started, cpu_started, more = {})
  seconds = clock - started
  rss = File.read("/proc/self/status")[/VmHWM:\s+(\d+)/, 1].to_i / 1024.0
  puts JSON.generate(messages: COUNT, seconds: seconds, per_second: COUNT / seconds, rss_mb: rss, gc: GC.count,
                     cpu_s_per_million: (cpu - cpu_started) / COUNT * 1e6, **more)
end

def new_consumer
  Kafka.new(OPTIONS.fetch(:brokers)).consumer(group_id: "bench-#{Process.pid}-#{rand(1 << 32)}").tap { |one| one.subscribe(TOPIC) }
end

# Counts from the first message on: joining the group is not part of the rate.
def consume(mode)
  consumer = new_consumer
  seen = bytes = 0
  started = nil
  if mode == "each_message"
    consumer.each_message do |message|
      started ||= [clock, cpu]
      bytes += message.value.bytesize
      consumer.stop if (seen += 1) == COUNT
    end
  else
    consumer.each_batch do |batch|
      started ||= [clock, cpu]
      batch.messages.each { |message| bytes += message.value.bytesize }
      consumer.stop if (seen += batch.messages.size) == COUNT
    end
  end
  report(*started, checksum: bytes)
end

# Enough for all batches to differ, little enough for the memory not to be part of the measurement.
def messages
  File.foreach(OPTIONS.fetch(:file)).first(20_000).map do |line|
    row = line.chomp
    [row, row[/"tailnum":"([^"]*)"/, 1] || row[/"flight":(\d+)/, 1]]
  end
end

def send_all(rows, producer, count)
  (count / rows.size).times do
    if producer then rows.each { |value, key| producer.produce(value, topic: TOPIC, key: key) }
    else
      rows.each { |value, key| DeliveryBoy.deliver_async!(value, topic: TOPIC, key: key) }
    end
  end
end

def produce(mode)
  room = { max_queue_size: COUNT * 2, delivery_threshold: 100, delivery_interval: 10 }
  rows = messages
  DeliveryBoy.configure do |config|
    config.brokers = OPTIONS.fetch(:brokers)
    room.each { |name, value| config.set(name, value) }
  end
  producer = Kafka.new(OPTIONS.fetch(:brokers)).async_producer(**room) if mode == "async_producer"
  # Connections, leaders and the first batches are not part of the rate.
  send_all(rows, producer, rows.size)
  GC.start
  started = [clock, cpu]
  send_all(rows, producer, COUNT)
  producer ? producer.shutdown : DeliveryBoy.shutdown
  report(*started)
end

mode = OPTIONS.fetch(:mode)
mode.start_with?("each_") ? consume(mode) : produce(mode)
