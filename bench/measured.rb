# frozen_string_literal: true

# The measured process: a Karafka application with one consumer, as a user would write it. Started by the benchmarks
# with its options as JSON; prints one JSON line when it has seen `count` messages, then stops.

require "json"
# Of bench/incumbents: the gems that it names instead of this checkout.
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__)) unless ENV["BENCH_GEM_HOME"]
OPTIONS = JSON.parse(ARGV.fetch(0), symbolize_names: true)
# Before the gem, as in an application of Rails.
require_relative "rails_around" if OPTIONS[:rails]
require "karafka"
rails_around(OPTIONS[:rails]) if OPTIONS[:rails]

# Counts from the first batch on: joining the group is not part of the rate.
class Meter
  def self.status_mb(name) = File.read("/proc/self/status")[/#{name}:\s+(\d+)/, 1].to_i / 1024.0

  def initialize(wanted)
    @wanted = wanted
    @lock = Mutex.new
    @seen = @checksum = 0
    @samples = []
    @latencies = []
  end

  def started
    @lock.synchronize { @started ||= [clock, cpu, GC.stat(:time)] }
  end

  # @param latencies [Array<Integer>, nil] nanoseconds
  def add(count, checksum = 0, latencies = nil)
    @lock.synchronize do
      @seen += count
      @checksum += checksum
      @latencies.concat(latencies) if latencies
      sample
      report if @seen >= @wanted && !@reported
    end
  end

  private

  def sample
    return unless OPTIONS[:rss_every] && @seen >= OPTIONS[:rss_every] * (@samples.size + 1)

    @samples << status_mb("VmRSS")
  end

  def collector_seconds = (GC.stat(:time) - @started[2]) / 1e3

  def report
    @reported = true
    seconds = clock - @started[0]
    # With a filter the rate is that of what was looked at.
    seen = OPTIONS.fetch(:messages, @seen)
    result = { messages: seen, seconds: seconds, per_second: seen / seconds, cpu_s_per_million: (cpu - @started[1]) / seen * 1e6,
               rss_mb: status_mb("VmHWM"), gc: GC.count, gc_s_per_million: collector_seconds / seen * 1e6,
               checksum: @checksum }
    result[:rss_samples] = @samples if OPTIONS[:rss_every]
    result.merge!(percentiles) unless @latencies.empty?
    result.merge!(WATCH.results) if OPTIONS[:watch]
    puts JSON.generate(result)
    $stdout.flush
    # Not Server.stop, which other versions of Karafka do not take from a consumer.
    Process.kill("TERM", Process.pid)
  end

  def percentiles
    sorted = @latencies.drop(OPTIONS.fetch(:warm_up, 0)).sort
    { p50_ms: 0.5, p95_ms: 0.95, p99_ms: 0.99, max_ms: 1.0 }.transform_values { |part| sorted[((sorted.size - 1) * part).round] / 1e6 }
  end

  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  def cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
  def status_mb(name) = self.class.status_mb(name)
end

# What came over the network, which is more than the messages where something is fetched twice; and what the process held
# beside the batches that consumers refer to.
class Watch
  # As listeners have it. More often, reading the statistics of 1,000 partitions is a third of the process's CPU time.
  INTERVAL_MS = 5_000

  def initialize
    @lock = Mutex.new
    @bytes = {}
    @beside = 0
  end

  def start
    Karafka.monitor.subscribe("statistics.emitted") do |event|
      brokers = event[:statistics]["brokers"].values
      @lock.synchronize { @bytes[event[:statistics]["name"]] = brokers.sum { |broker| broker["rxbytes"] } }
    end
    Thread.new { look while sleep(0.05) }
  end

  def results
    beside = @lock.synchronize { @beside }
    # Until the statistics have the last byte.
    sleep(1.5 * INTERVAL_MS / 1_000.0)
    @lock.synchronize { { received_mb: @bytes.values.sum / 1e6, beside_batches_mb: beside } }
  end

  private

  def look
    batches = Karafka::Server.state&.fetch(:queued_bytes).to_i
    beside = Meter.status_mb("VmRSS") - (batches / 1024.0 / 1024.0)
    @lock.synchronize { @beside = [@beside, beside].max }
  end
end

WATCH = Watch.new
METER = Meter.new(OPTIONS.fetch(:count))

# What a consumer does with its messages, by mode.
MODES = {
  "no-op" => -> {},
  "raw" => -> { messages.sum { |message| message.raw_payload.bytesize } },
  "json" => -> { messages.sum { |message| message.payload["distance"] } },
  "pluck" => -> { messages.pluck("distance", "carrier").sum { |distance, _| distance } },
  "only" => -> {},
  "only-key" => -> {},
  "mark" => -> { messages.each { |message| mark_as_consumed(message) } },
  # As waiting for another service.
  "sleep-batch" => -> { sleep(OPTIONS.fetch(:sleep_ms) / 1_000.0) },
  "sleep" => -> { messages.each { sleep(OPTIONS.fetch(:sleep_ms) / 1_000.0) } },
  "latency" => lambda {
    now = Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
    messages.map { |message| now - message.raw_payload.to_i }
  }
}.freeze

class MeasuredConsumer < Karafka::BaseConsumer
  define_method(:work, &MODES.fetch(OPTIONS.fetch(:mode)))

  def consume
    METER.started
    result = work
    METER.add(messages.size, result.is_a?(Integer) ? result : 0, result.is_a?(Array) ? result : nil)
  end
end

Karafka::App.setup do |config|
  received = OPTIONS[:watch] ? { "statistics.interval.ms" => Watch::INTERVAL_MS } : {}
  config.kafka = { "bootstrap.servers" => OPTIONS.fetch(:brokers), **received, **OPTIONS.fetch(:kafka, {}).transform_keys(&:to_s) }
  config.client_id = "bench"
  config.group_id = OPTIONS.fetch(:group) { "bench-#{Process.pid}-#{rand(1 << 32)}" }
  config.concurrency = OPTIONS.fetch(:concurrency, 1)
  config.max_messages = OPTIONS[:max_messages] if OPTIONS[:max_messages]
  config.max_wait_time = OPTIONS[:max_wait_time] if OPTIONS[:max_wait_time]
  config.max_queued_bytes = OPTIONS[:max_queued_bytes] if OPTIONS[:max_queued_bytes]
  config.http.port = OPTIONS[:http] if OPTIONS[:http]
  config.logger = Logger.new($stderr, level: Logger::WARN)
  config.tracing.endpoint = OPTIONS[:tracing] if OPTIONS[:tracing]
end

WATCH.start if OPTIONS[:watch]

if OPTIONS[:log]
  Karafka::App.config.logger = Logger.new(File::NULL, level: Logger::INFO, formatter: Karafka::Instrumentation::JsonFormatter.new)
  Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)
end

# With librdkafka's statistics.
if OPTIONS[:statsd]
  Karafka.monitor.subscribe(Karafka::Instrumentation::Vendors::Datadog::MetricsListener.new do |config|
    config.client = Karafka::Instrumentation::Statsd.new("127.0.0.1", OPTIONS[:statsd])
  end)
end

Karafka::App.routes.draw do
  OPTIONS.fetch(:idle_topics, []).each { |name| topic(name) { consumer MeasuredConsumer } }
  topic OPTIONS.fetch(:topic) do
    consumer MeasuredConsumer
    only(json: { "dest" => OPTIONS[:only] }) if OPTIONS[:only]
    only(key: /\A#{OPTIONS[:only_key]}/) if OPTIONS[:only_key]
    manual_offset_management true if OPTIONS.fetch(:mode) == "mark"
    parallel by: OPTIONS[:by], limit: OPTIONS[:limit] if OPTIONS[:by]
  end
end

exit Karafka::Server.run
