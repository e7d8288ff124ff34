# frozen_string_literal: true

require "karafka"
require_relative "../events/registry"

# Writes an invoice for each order, slowly, and tells StatsD how far behind it is.
class InvoicesConsumer < Racecar::Consumer
  subscribes_to "orders"

  STATSD = Karafka::Instrumentation::Statsd.new("127.0.0.1", ENV.fetch("STATSD_PORT", "8125"), tags: false)
  SECONDS = Float(ENV.fetch("SECONDS_PER_INVOICE", "0.05"))

  def initialize
    super
    @registry = Registry.new
  end

  def process(message)
    order = @registry.decode(message.value)
    sleep(SECONDS) # the slow service that makes them
    # Twice for an order that comes twice. A table with the order's number as key would take it once.
    File.write(ENV.fetch("INVOICES", "invoices.txt"), "#{order["id"]} #{order["item"]} #{order["amount"]}\n", mode: "a")
  end

  # Librdkafka's figures, each `statistics_interval`. A partition whose lag is not known yet has -1.
  def statistics_callback(statistics)
    statistics["topics"].each do |topic, of_topic|
      of_topic["partitions"].each do |partition, of_partition|
        lag = of_partition["consumer_lag_stored"]
        STATSD.gauge("lag.#{topic}.#{partition}", lag) if lag && lag >= 0
      end
    end
  end
end
