# frozen_string_literal: true

module Karafka
  module Compat
    module SidekiqBackend
      # Finds the worker of a consumer by its name, and makes one where there is none: `Shop::OrdersConsumer` and
      # `OrdersController` have `Shop::OrdersWorker` and `OrdersWorker`.
      class WorkerBuilder
        SUFFIX = /(?:Consumer|Controller)\z/
        private_constant :SUFFIX

        # @param consumer [Class<BaseConsumer>]
        def initialize(consumer)
          @consumer = consumer
        end

        # @return [Class]
        # @raise [Errors::BaseWorkerDescentantMissing] there is none, and no class to inherit from
        # @raise [Errors::InvalidConfigurationError] the consumer has no name
        def build
          *modules, own = @consumer.name.to_s.split("::")
          if own.nil?
            raise Errors::InvalidConfigurationError,
                  "#{@consumer.inspect} has no name to call its worker by: give it one, or set `worker SomeWorker` in the topic"
          end

          scope = modules.empty? ? Object : Object.const_get(modules.join("::"))
          name = "#{own.sub(SUFFIX, "")}Worker"
          # Asks before it loads: an error within an autoloaded file is then an error, not "there is none".
          return scope.const_get(name, false) if scope.const_defined?(name, false)

          scope.const_set(name, Class.new(BaseWorker.base_worker))
        end
      end
    end
  end
end
