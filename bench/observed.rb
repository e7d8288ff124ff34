# frozen_string_literal: true

# A process with 1,000 partitions of the built-in broker, which asks itself over HTTP: prints the median milliseconds of each answer and
# its memory, as JSON. The broker is a process of its own.

$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "karafka"
require "net/http"

PARTITIONS = 1_000
MESSAGES = 10_000
ROUNDS = 15
PATHS = %w[/metrics /v1/state /v1/state?detail=summary /livez /readyz].freeze

reader, writer = IO.pipe
broker = fork do
  reader.close
  made = Karafka::Native::MockBroker.new(1)
  made.create_topic("many", PARTITIONS)
  writer.puts(made.bootstrap_servers)
  writer.close
  sleep
end
writer.close
servers = reader.gets.strip

class ObservedConsumer < Karafka::BaseConsumer
  def consume = nil
end

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": servers }
  config.http.port = 0
  config.logger = Logger.new($stderr, level: Logger::WARN)
end
Karafka::App.routes.draw { topic(:many) { consumer ObservedConsumer } }
Karafka.producer.produce_many_sync(Array.new(MESSAGES) { |index| { topic: "many", partition: index % PARTITIONS, payload: "x" * 100 } })
Karafka::Server.start
url = Karafka::Server.observer.url
get = ->(path) { Net::HTTP.get(URI(url + path)) }
consumed = -> { get.call("/metrics")[/^karafka_consumed_messages_total\S+ (\d+)/, 1].to_i }
sleep 0.2 until consumed.call == MESSAGES

results = PATHS.to_h do |path|
  times = Array.new(ROUNDS) do
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    get.call(path)
    (Process.clock_gettime(Process::CLOCK_MONOTONIC) - began) * 1_000
  end
  [path, times.sort[ROUNDS / 2].round(1)]
end
puts JSON.generate(results.merge("resident MB" => File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1].to_i / 1_024))
$stdout.flush
Karafka::Server.stop
Karafka::Server.wait(30)
Karafka.producer.close
Process.kill(:KILL, broker)
Process.wait(broker)
