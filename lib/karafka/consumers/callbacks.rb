# frozen_string_literal: true

module Karafka
  module Consumers
    # The callbacks of Karafka 1.x. Each takes the name of a method or a block, which runs in the consumer.
    # `throw(:abort)` in one that comes before processing skips the batch (it counts as processed), as in 1.x.
    #
    # There is no poll in Ruby any more: `after_poll` runs when a batch arrives, `before_poll` when one is done.
    #
    # @example
    #   class OrdersConsumer < Karafka::BaseConsumer
    #     include Karafka::Consumers::Callbacks
    #     after_fetch { params_batch.deserialize! }
    #     before_stop :flush
    #   end
    module Callbacks
      NAMES = %i[after_fetch before_poll after_poll before_stop].freeze
      private_constant :NAMES

      # @api private
      def self.included(consumer)
        consumer.extend(Declarations)
      end

      # The class methods.
      module Declarations
        NAMES.each do |name|
          define_method(name) do |method_name = nil, &block|
            raise ArgumentError, "#{name} takes the name of a method or a block" unless method_name.nil? ^ block.nil?

            karafka_callbacks[name] = [*karafka_callbacks[name], method_name || block]
          end
        end

        # Its name in Karafka 1.0.
        def after_received(...) = after_fetch(...)

        # Karafka 1.x had it for seeking before the first fetch.
        # @raise [Errors::UnsupportedFeatureError] always
        def before_fetch_loop(*) = App.before_fetch_loop

        # @api private
        # @return [Hash{Symbol=>Array<Symbol, Proc>}]
        def karafka_callbacks
          @karafka_callbacks ||= superclass.respond_to?(:karafka_callbacks) ? superclass.karafka_callbacks.dup : {}
        end
      end

      # @api private
      def on_consume
        proceed = karafka_call(:after_poll) && karafka_call(:after_fetch)
        super if proceed
        karafka_call(:before_poll)
      end

      # @api private
      def on_shutdown
        karafka_call(:before_stop)
        super
      end

      private

      # @return [Boolean] false: one of them aborted
      def karafka_call(name)
        aborted = true
        catch(:abort) do
          self.class.karafka_callbacks[name]&.each { |callback| callback.is_a?(Proc) ? instance_exec(&callback) : send(callback) }
          aborted = false
        end
        !aborted
      end
    end
  end
end
