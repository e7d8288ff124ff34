# frozen_string_literal: true

# The measured process of bench/read: goes over all messages of a topic. Prints one JSON line.

require "json"
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "karafka"

options = JSON.parse(ARGV.fetch(0), symbolize_names: true)
clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
cpu = -> { Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) }
raw = options[:mode] == "raw"
count = bytes = 0
started = [clock.call, cpu.call]
Karafka.each_message(options[:topic], kafka: { "bootstrap.servers": options[:brokers] }) do |message|
  count += 1
  bytes += message.raw_payload.bytesize if raw
end
seconds = clock.call - started[0]
puts JSON.generate(messages: count, bytes: bytes, seconds: seconds, per_second: count / seconds,
                   cpu_s_per_million: (cpu.call - started[1]) / count * 1e6)
