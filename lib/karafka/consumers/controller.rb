# frozen_string_literal: true

module Karafka
  module Consumers
    # A controller of 2016 and 1.0. `perform` is called for each message, which is in `params`; one that reads `params_batch`
    # instead, or whose topic sets `batch_consuming true`, is called once for each batch. `before_enqueue` may `throw(:abort)`,
    # which skips what `perform` would have been called for. `after_failure` is called, where it is defined, when that raised.
    class Controller < BaseConsumer
      class << self
        # @api private
        # @return [Array(Symbol, Class)]
        def karafka_entry_point
          [:perform, Controller]
        end

        # @param method_name [Symbol, nil] or a block
        # @return [void]
        def before_enqueue(method_name = nil, &block)
          raise ArgumentError, "before_enqueue takes the name of a method or a block" unless method_name.nil? ^ block.nil?

          before_enqueue_callbacks << (method_name || block)
        end

        # What classes of 2016 said about their topic.
        %i[topic group parser worker interchanger responder inline_mode batch_mode].each do |name|
          define_method(:"#{name}=") do |value|
            instead = name == :topic ? "topic(#{value.inspect}) { controller #{self.name} }" : "#{name} … in the topic's block"
            raise Errors::UnsupportedFeatureError.for(
              "`self.#{name} = #{value.inspect}` in #{self.name || "a controller"}", "Say it in the routes: #{instead}."
            )
          end
        end

        # @api private
        # @return [Array<Symbol, Proc>]
        def before_enqueue_callbacks
          @before_enqueue_callbacks ||= superclass.respond_to?(:before_enqueue_callbacks) ? superclass.before_enqueue_callbacks.dup : []
        end
      end

      # @return [Messages::Message]
      # @raise [Errors::InvalidConfigurationError] `perform` is called for a whole batch
      def params
        @karafka_read_params = true
        @karafka_message || super
      end

      # @return [Messages::Messages, nil]
      def messages
        @karafka_read_batch = true
        super
      end

      # @return [void]
      def consume
        # The worker goes over the messages where `batch_consuming` is off.
        return karafka_perform if @params || karafka_batches?

        @messages.to_a.each do |message|
          @karafka_message = message
          @karafka_read_params = @karafka_read_batch = false
          karafka_perform
          # It went over all of them at once.
          break if @karafka_read_batch && !@karafka_read_params

          mark_as_consumed(message) unless topic.manual_offset_management?
        end
      ensure
        @karafka_message = nil
      end

      # @return [void]
      def perform
        raise NotImplementedError, "#{self.class} needs a method perform, which processes params"
      end

      private

      # Said in the routes or in the configuration: what is the default here was not that of 1.0.
      def karafka_batches?
        topic.batch_consuming? && (topic.explicit?(:batch_consuming) || App.config.set?(:batch_consuming))
      end

      def karafka_perform
        karafka_guarded { karafka_unless_aborted { perform } }
      end

      def karafka_unless_aborted
        catch(:abort) do
          self.class.before_enqueue_callbacks.each { |callback| callback.is_a?(Proc) ? instance_exec(&callback) : send(callback) }
          yield
        end
      end

      def karafka_guarded
        yield
      rescue StandardError
        karafka_after_failure
        raise
      end

      # What it raises must not hide why it was called.
      def karafka_after_failure
        after_failure if respond_to?(:after_failure, true)
      rescue StandardError => e
        Instrumentation::Safely.error(e, "consumer.after_failure.error", caller: self)
      end
    end
  end
end
