# frozen_string_literal: true

require_relative "../base/errors"

module Karafka
  module Compat
    # Handles of WaterDrop raise rdkafka's errors as they are; ours, as the produce methods, raise a
    # {WaterDrop::Errors::ProduceError} that has them as its `cause`. So a `rescue` with rdkafka's name takes that, too.
    module RescuedByCause
      # @param error [Object]
      # @return [Boolean]
      def ===(error)
        super || (RescuedByCause.of_a_producer?(error) && super(error.cause))
      end

      # Loads nothing.
      # @param error [Object]
      # @return [Boolean]
      def self.of_a_producer?(error)
        !Object.autoload?(:WaterDrop) && defined?(WaterDrop::Errors::ProduceError) && error.is_a?(WaterDrop::Errors::ProduceError)
      end
    end
  end
end

Karafka::Errors::KafkaError.extend(Karafka::Compat::RescuedByCause)
Karafka::Errors::TimeoutError.extend(Karafka::Compat::RescuedByCause)

# Applications rescue `Rdkafka::RdkafkaError` and look at its `code`. Where the gem rdkafka is installed as well (it is not
# needed), its own class stays.
module Rdkafka
  RdkafkaError = Karafka::Errors::KafkaError unless const_defined?(:RdkafkaError, false)

  # What a wait for a delivery that takes too long raises.
  class AbstractHandle
    WaitTimeoutError = Karafka::Errors::TimeoutError unless const_defined?(:WaitTimeoutError, false)
  end

  # Only a place for names. Those of handles and reports are added where the producer is loaded.
  class Producer
    WaitTimeoutError = AbstractHandle::WaitTimeoutError unless const_defined?(:WaitTimeoutError, false)
    path = File.expand_path("../../waterdrop/rdkafka_names.rb", __dir__)
    %i[DeliveryHandle DeliveryReport].each { |name| autoload(name, path) unless const_defined?(name, false) }
  end

  # Only a place for names.
  class Config
    ConfigError = Karafka::Errors::InvalidConfigurationError unless const_defined?(:ConfigError, false)
    ClientCreationError = Karafka::Errors::InvalidConfigurationError unless const_defined?(:ClientCreationError, false)
  end
end
