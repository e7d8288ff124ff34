# frozen_string_literal: true

begin
  require "king_konf"
rescue LoadError
  # What racecar's configuration was built with; applications rescue its error.
  module KingKonf
    # A setting that does not exist, or a value that it cannot have.
    class ConfigError < StandardError; end
  end
end

module Racecar
  # Common ancestor.
  class Error < StandardError; end

  # A message that `produce` or `produce_sync` sent was not delivered.
  class MessageDeliveryError < Error
    # @return [Symbol, nil] librdkafka's name of the error, such as :msg_timed_out
    attr_reader :code

    # @param error [WaterDrop::Errors::ProduceError]
    # @param topic [String]
    def initialize(error, topic)
      @code = error.respond_to?(:code) ? error.code : nil
      super("Message delivery to #{topic} failed: #{error.message}")
    end
  end

  # The consumer class has not been started by `racecar`, or cannot be.
  class ConsumerError < Error; end
end
