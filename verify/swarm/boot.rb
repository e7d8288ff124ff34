# frozen_string_literal: true

# The boot file of the swarm. Each processed message is a line in the journal before it can be marked, each node that begins one in
# the register; the kernel has them when a process is killed.

require "json"
require "karafka"

OPTIONS = JSON.parse(ENV.fetch("VERIFY_OPTIONS"), symbolize_names: true)
JOURNAL = File.open(OPTIONS.fetch(:journal), "a").tap { |file| file.sync = true }
REGISTER = File.open(OPTIONS.fetch(:register), "a").tap { |file| file.sync = true }

# Notes what it has processed.
class SwarmedConsumer < Karafka::BaseConsumer
  def consume
    messages.each do |message|
      at = Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)
      JOURNAL.write("P #{at} #{message.topic} #{message.partition} #{message.offset} #{message.raw_payload}\n")
    end
  end
end

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": OPTIONS.fetch(:brokers), "auto.commit.interval.ms": 200, "session.timeout.ms": 20_000,
                   "heartbeat.interval.ms": 500, "group.instance.id": "verify" }
  config.group_id = OPTIONS.fetch(:group)
  config.concurrency = OPTIONS.fetch(:workers)
  config.max_messages = 50
  config.shutdown_timeout = 5_000
  config.control.socket = OPTIONS.fetch(:socket)
  config.swarm.nodes = OPTIONS.fetch(:nodes)
  config.swarm.node_report_timeout = 3_000
  config.swarm.node_restart_timeout = 1_000
  config.logger = Logger.new($stdout, level: Logger::INFO)
end

Karafka::App.routes.draw { topic(OPTIONS.fetch(:topic)) { consumer SwarmedConsumer } }

Karafka.monitor.subscribe("swarm.node.after_fork") do |event|
  REGISTER.write("#{Process.ppid} #{event[:node].id} #{Process.pid}\n")
end
