# frozen_string_literal: true

require "zlib"

# The surface of ruby-kafka 1.5 on this engine. When offsets are committed, and what an error does, is as in that library; how messages
# travel is the engine's.
#
# @example
#   kafka = Kafka.new(["localhost:9092"], client_id: "my-application")
#   kafka.deliver_message("Hello!", topic: "greetings")
module Kafka
  # The version of ruby-kafka whose surface this is.
  VERSION = "1.5.0"

  # @param seed_brokers [String, Array<String>] also as `seed_brokers:`
  # @param options [Hash{Symbol=>Object}] as {Client#initialize}
  # @return [Client]
  # @raise [ArgumentError] settings that do not go together
  def self.new(seed_brokers = nil, **options)
    # Kafka.new(seed_brokers: …) and Kafka.new([…]) are the same.
    options[:seed_brokers] = seed_brokers if seed_brokers
    Client.new(**options)
  end
end

%w[
  errors error_names instrumenter interceptors partitioner messages numbers settings transport
  transactions producer async_producer pauses positions session events processing consumer
  administration api_versions reading client
].each { |file| require_relative "ruby_kafka/#{file}" }
