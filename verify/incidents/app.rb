# frozen_string_literal: true

# An application with what goes wrong in practice. The operator of verify/incidents.rb has not read it.

require "json"
require "karafka"
require "socket"

# A service that may not answer.
module Warehouse
  def self.reserve(address)
    host, port = address.split(":")
    TCPSocket.open(host, Integer(port)) do |socket|
      socket.puts("reserve")
      socket.gets
    end
  end
end

# Waits for nothing, but for a while.
module Invoices
  def self.print(seconds)
    sleep seconds
  end
end

# Where all of it meets.
class OrdersConsumer < Karafka::BaseConsumer
  def consume
    messages.each do |message|
      order = message.payload
      Warehouse.reserve(order["warehouse"]) if order["warehouse"]
      Invoices.print(order["slow"]) if order["slow"]
      order.fetch("currency")
      mark_as_consumed(message)
    end
  end
end

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": ENV.fetch("BROKERS"), "session.timeout.ms": 6_000, "reconnect.backoff.max.ms": 1_000 }
  config.group_id = ENV.fetch("GROUP")
  config.client_id = ENV.fetch("CLIENT", "app-1")
  config.http.port = Integer(ENV.fetch("HTTP_PORT"))
  config.control.socket = ENV.fetch("CONTROL")
  config.pause.timeout = 100
  config.pause.max_timeout = 500
end

Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)

Karafka::App.routes.draw do
  topic(ENV.fetch("TOPIC")) { consumer OrdersConsumer }
end
