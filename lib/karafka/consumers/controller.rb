# frozen_string_literal: true

module Karafka
  module Consumers
    # A controller of 2016: `perform` is called for each message, which is in `params`. `before_enqueue` may
    # `throw(:abort)`, which skips the message.
    class Controller < BaseConsumer
      class << self
        # @param method_name [Symbol, nil] or a block
        # @return [void]
        def before_enqueue(method_name = nil, &block)
          raise ArgumentError, "before_enqueue takes the name of a method or a block" unless method_name.nil? ^ block.nil?

          before_enqueue_callbacks << (method_name || block)
        end

        # @api private
        # @return [Array<Symbol, Proc>]
        def before_enqueue_callbacks
          @before_enqueue_callbacks ||= superclass.respond_to?(:before_enqueue_callbacks) ? superclass.before_enqueue_callbacks.dup : []
        end
      end

      # @return [void]
      def consume
        batch = @params ? [@params] : messages.to_a
        batch.each do |message|
          self.params = message
          karafka_perform
          mark_as_consumed(message) unless topic.manual_offset_management?
        end
      end

      # @return [void]
      def perform
        raise NotImplementedError, "#{self.class} needs a method perform, which processes params"
      end

      private

      def karafka_perform
        catch(:abort) do
          self.class.before_enqueue_callbacks.each { |callback| callback.is_a?(Proc) ? instance_exec(&callback) : send(callback) }
          perform
        end
      end
    end
  end
end
