# frozen_string_literal: true

# The measured process: a Karafka application with one consumer, as a user would write it. Started by the benchmarks
# with its options as JSON; prints one JSON line when it has seen `count` messages, then stops.

require "json"
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "karafka"

OPTIONS = JSON.parse(ARGV.fetch(0), symbolize_names: true)

# Counts from the first batch on: joining the group is not part of the rate.
class Meter
  def initialize(wanted)
    @wanted = wanted
    @lock = Mutex.new
    @seen = @checksum = 0
    @samples = []
    @latencies = []
  end

  def started
    @lock.synchronize { @started ||= [clock, cpu] }
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

  def report
    @reported = true
    seconds = clock - @started[0]
    # With a filter the rate is that of what was looked at.
    seen = OPTIONS.fetch(:messages, @seen)
    result = { messages: seen, seconds: seconds, per_second: seen / seconds, cpu_s_per_million: (cpu - @started[1]) / seen * 1e6,
               rss_mb: status_mb("VmHWM"), gc: GC.count, checksum: @checksum }
    result[:rss_samples] = @samples if OPTIONS[:rss_every]
    result.merge!(percentiles) unless @latencies.empty?
    puts JSON.generate(result)
    $stdout.flush
    Karafka::Server.stop
  end

  def percentiles
    sorted = @latencies.sort
    { p50_ms: 0.5, p95_ms: 0.95, p99_ms: 0.99, max_ms: 1.0 }.transform_values { |part| sorted[((sorted.size - 1) * part).round] / 1e6 }
  end

  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  def cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
  def status_mb(name) = File.read("/proc/self/status")[/#{name}:\s+(\d+)/, 1].to_i / 1024.0
end

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
  config.kafka = { "bootstrap.servers" => OPTIONS.fetch(:brokers) }
  config.client_id = "bench"
  config.group_id = OPTIONS.fetch(:group) { "bench-#{Process.pid}-#{rand(1 << 32)}" }
  config.concurrency = OPTIONS.fetch(:concurrency, 1)
  config.max_messages = OPTIONS[:max_messages] if OPTIONS[:max_messages]
  config.logger = Logger.new($stderr, level: Logger::WARN)
end

Karafka::App.routes.draw do
  topic OPTIONS.fetch(:topic) do
    consumer MeasuredConsumer
    only(json: { "dest" => OPTIONS[:only] }) if OPTIONS[:only]
    only(key: /\A#{OPTIONS[:only_key]}/) if OPTIONS[:only_key]
    manual_offset_management true if OPTIONS.fetch(:mode) == "mark"
    parallel by: OPTIONS[:by], limit: OPTIONS[:limit] if OPTIONS[:by]
  end
end

exit Karafka::Server.run
