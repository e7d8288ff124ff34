# frozen_string_literal: true

module Karafka
  module Responders
    # Finds the responder of a consumer, by the name of 1.x.
    class Builder
      # @param consumer [Class<BaseConsumer>]
      def initialize(consumer)
        @consumer = consumer
      end

      # @return [Class<BaseResponder>, nil]
      def build
        Routing::ResponderLookup.for(@consumer)
      end
    end
  end
end
