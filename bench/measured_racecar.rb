# frozen_string_literal: true

# The measured process of bench/adapters: a consumer as one writes it with racecar. Started with its options as JSON; prints one JSON
# line when it has seen `count` messages, then stops.

require "json"
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "karafka/compat/racecar"

OPTIONS = JSON.parse(ARGV.fetch(0), symbolize_names: true)

# Counts from the first message on: joining the group is not part of the rate.
class MeasuredConsumer < Racecar::Consumer
  subscribes_to OPTIONS.fetch(:topic)
  self.group_id = "bench-#{Process.pid}-#{rand(1 << 32)}"

  def initialize
    super
    @seen = @bytes = 0
  end

  def seen(count, bytes)
    @seen += count
    @bytes += bytes
    report if @seen >= OPTIONS.fetch(:count) && !@reported
  end

  def started = @started ||= [clock, cpu]

  def report
    @reported = true
    seconds = clock - @started[0]
    rss = File.read("/proc/self/status")[/VmHWM:\s+(\d+)/, 1].to_i / 1024.0
    puts JSON.generate(messages: @seen, seconds: seconds, per_second: @seen / seconds, rss_mb: rss, checksum: @bytes,
                       cpu_s_per_million: (cpu - @started[1]) / @seen * 1e6)
    $stdout.flush
    Process.kill("TERM", Process.pid)
  end

  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  def cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
end

case OPTIONS.fetch(:mode)
when "process_batch"
  MeasuredConsumer.define_method(:process_batch) do |messages|
    started
    seen(messages.size, messages.sum { |message| message.value.bytesize })
  end
when "process"
  MeasuredConsumer.define_method(:process) do |message|
    started
    seen(1, message.value.bytesize)
  end
end

Racecar.configure do |config|
  config.brokers = OPTIONS.fetch(:brokers)
  config.logger = Logger.new($stderr, level: Logger::WARN)
end
exit Racecar.run(MeasuredConsumer.new)
