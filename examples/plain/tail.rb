# frozen_string_literal: true

# Consumes within a script that has something else to do, without `karafka server`: prints messages until Ctrl-C.
#   KAFKA_BROKERS=127.0.0.1:9092 ruby tail.rb lines
require "karafka"

class PrintingConsumer < Karafka::BaseConsumer
  def consume = messages.each { |message| puts message.raw_payload }
end

Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS", "127.0.0.1:9092") } }
Karafka::App.routes.draw { topic(ARGV.fetch(0)) { consumer PrintingConsumer } }

$stdout.sync = true
ended = Thread::Queue.new
%w[INT TERM].each { |signal| trap(signal) { ended << signal } }
Karafka::Embedded.start
ended.pop
# Batches end and are committed.
Karafka::Embedded.stop
