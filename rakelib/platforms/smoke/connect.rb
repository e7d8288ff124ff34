# frozen_string_literal: true

# Ends with 0 where the TLS listener answers with the brokers. AUTHORITIES: what "ssl.ca.location" is set to.
require "karafka"
require "timeout"

kafka = { "bootstrap.servers": ENV.fetch("TLS"), "security.protocol": "ssl" }
kafka[:"ssl.ca.location"] = ENV["AUTHORITIES"] if ENV["AUTHORITIES"]
Karafka::App.setup do |config|
  config.kafka = kafka
  config.logger = Logger.new(nil)
end
begin
  brokers = Timeout.timeout(Integer(ENV.fetch("SECONDS", "15"))) { Karafka::Admin.cluster_info.brokers }
  puts "#{brokers.size} brokers"
rescue Karafka::Errors::BaseError, Timeout::Error => e
  abort e.message.lines.first
end
