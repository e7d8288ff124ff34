#!/usr/bin/env ruby
# frozen_string_literal: true

# A process forks at random moments, while its producers send, connect, and end, and its control socket answers: each child has to
# send one message, also over TLS, and to end in time, without the socket, which the parent keeps. Whatever lock a thread holds in
# that moment is held in the child for ever.
#   verify/forks.rb [--forks 300] [--seed N] [--deadline 30] [--plain]

require "optparse"
require "tmpdir"
require "fileutils"
require_relative "../spec/support/kafka_cluster"
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "karafka"
require "waterdrop"

options = { forks: 300, seed: Random.new_seed % 1_000_000_000, deadline: 30, plain: false }
OptionParser.new do |parser|
  parser.on("--forks N", Integer)
  parser.on("--seed N", Integer)
  parser.on("--deadline SECONDS", Integer)
  parser.on("--plain", "without TLS")
end.parse!(into: options)
puts "seed #{options[:seed]}"
RANDOM = Random.new(options[:seed])
WITH_TLS = !options[:plain]
TOPIC = "forks"

# A certificate that signs itself, and its key, as Kafka and librdkafka read them.
def certificate(file)
  quiet = { %i[out err] => File::NULL }
  system("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "#{file}.key", "-out", "#{file}.crt", **quiet) || abort("no openssl")
  File.write(file, File.read("#{file}.key") + File.read("#{file}.crt"))
end

dir = Dir.mktmpdir("karafka-forks")
owner = Process.pid
at_exit { FileUtils.rm_rf(dir) if Process.pid == owner }
pem = File.join(dir, "kafka.pem")
certificate(pem)
tls_port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
listeners = "PLAINTEXT://127.0.0.1:PORT,SSL://127.0.0.1:#{tls_port}"
ENV.delete("KARAFKA_TEST_BROKERS")
cluster = KafkaCluster.new("forks").up(
  heap: "384m",
  properties: { "listeners" => "#{listeners},CONTROLLER://127.0.0.1:CONTROLLER_PORT", "advertised.listeners" => listeners,
                "ssl.keystore.type" => "PEM", "ssl.keystore.location" => pem, "ssl.truststore.type" => "PEM",
                "ssl.truststore.location" => "#{pem}.crt" }
)
cluster.create_topic(TOPIC, partitions: 4)

PLAIN = { "bootstrap.servers": cluster.bootstrap_servers }.freeze
TLS = { "bootstrap.servers": "localhost:#{tls_port}", "security.protocol": "ssl", "ssl.ca.location": "#{pem}.crt" }.freeze
KINDS = WITH_TLS ? [PLAIN, TLS].freeze : [PLAIN].freeze

def producer(kafka)
  WaterDrop::Producer.new do |config|
    config.kafka = kafka.merge("statistics.interval.ms": 50)
    config.logger = Logger.new(File::NULL)
    config.max_wait_timeout = 20_000
    config.monitor.subscribe("statistics.emitted") { |event| event[:statistics].size }
  end
end

MESSAGE = { topic: TOPIC, key: "k", payload: "x" * 200 }.freeze
LASTING = KINDS.map { |kafka| producer(kafka) }
done = false
load = LASTING.map do |made|
  Thread.new { made.produce_many_sync([MESSAGE] * 50) && sleep(0.001) until done }
end
# Connects, authenticates and ends all the time: most locks of libraries are held then.
load += KINDS.map do |kafka|
  Thread.new do
    until done
      made = producer(kafka)
      made.produce_sync(MESSAGE)
      made.close
    end
  end
end

# A child that kept the socket would have requests wait that nobody answers.
Karafka::App.config.control.socket = File.join(dir, "control.sock")
CONTROL = Karafka::Server::ControlSocket.new(Karafka::App.config.control.socket, commands: ->(*) { { ok: true } })
CONTROL.serve
LISTENING = "socket:[#{File.readlines("/proc/net/unix").find { |line| line.end_with?(" #{CONTROL.path}\n") }.split[6]}]".freeze
unanswered = Queue.new
load << Thread.new do
  until done
    begin
      Karafka::Cli::ControlClient.new(CONTROL.path).call(command: "info")
    rescue Karafka::Errors::CommandError => e
      unanswered << e.message
    end
  end
end

def control_socket?
  Dir.children("/proc/self/fd").any? do |number|
    File.readlink("/proc/self/fd/#{number}") == LISTENING
  rescue Errno::ENOENT
    false # It was that of the directory.
  end
end

def await(pid, deadline)
  limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + deadline
  until (ended = Process.wait2(pid, Process::WNOHANG))
    return if Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit

    sleep(0.002)
  end
  ended.last
end

failures = []
slowest = 0
options[:forks].times do |number|
  sleep(RANDOM.rand * 0.05)
  kind = RANDOM.rand(KINDS.size)
  # One that it has inherited, or one of its own; an end with all that Ruby does then, or without.
  inherited = RANDOM.rand(2).zero?
  quick = RANDOM.rand(2).zero?
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  pid = fork do
    # Not the parent's: its cluster and its directory stay.
    made = inherited ? LASTING[kind] : producer(KINDS[kind])
    sent = !control_socket? && made.produce_sync(MESSAGE).delivered?
    if quick
      exit!(sent ? 0 : 1)
    else
      exit(sent)
    end
  end
  status = await(pid, options[:deadline])
  slowest = [slowest, Process.clock_gettime(Process::CLOCK_MONOTONIC) - started].max
  next if status&.success?

  what = "fork #{number} (#{%w[plain TLS][kind]}, #{inherited ? "inherited" : "its own"} producer): #{status || "hangs"}"
  puts what
  failures << what
  next if status

  system("gdb", "-p", pid.to_s, "-batch", "-ex", "thread apply all bt 25", err: File::NULL)
  Process.kill(:KILL, pid)
  Process.wait(pid)
end
done = true
load.each(&:join)
LASTING.each(&:close)
failures.concat(Array.new(unanswered.size) { "control socket: #{unanswered.pop}" }.uniq.each { |text| puts text })
failures << "the control socket is gone" unless File.socket?(CONTROL.path)
CONTROL.close
puts format("%<forks>d forks, slowest child %<slowest>.2f s, %<failed>d failed", forks: options[:forks], slowest: slowest,
                                                                                 failed: failures.size)
exit(failures.empty?)
