# frozen_string_literal: true

module WaterDrop
  class Producer
    # Fatal errors of librdkafka, for tests of code that meets them. Not part of a producer unless a test includes it.
    #
    # @example
    #   producer.singleton_class.include(WaterDrop::Producer::Testing)
    #   producer.trigger_test_fatal_error(47, "as the broker would")
    module Testing
      # Makes the client behave as after a fatal error. What follows is real: reports, events, the reload.
      # @param error_code [Integer] librdkafka's or a broker's
      # @param reason [String]
      # @return [void]
      # @raise [Karafka::Errors::InvalidConfigurationError] librdkafka knows no such code
      def trigger_test_fatal_error(error_code, reason)
        client.native.inject_fatal_error(error_code, reason)
      end

      # @return [Hash{Symbol=>Object}, nil] `error_code` and `error_string`; nil: the client works, or was replaced
      def fatal_error
        code, text = client.native.fatal_error
        code && { error_code: code, error_string: text }
      end
    end
  end
end
