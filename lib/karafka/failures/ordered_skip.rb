# frozen_string_literal: true

module Karafka
  module Failures
    # Ends a batch before the user's code sees it: one of its messages is to be left out, as an operator has ordered.
    class OrderedSkip < Outcome
      # @return [SkipOrder]
      attr_reader :order

      # @param order [SkipOrder]
      # @param message [Messages::Message]
      def initialize(order, message)
        @order = order
        super(order.reason, message: message)
      end
    end
  end
end
