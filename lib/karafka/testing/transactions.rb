# frozen_string_literal: true

module Karafka
  module Testing
    # The producers of consumers' transactions in a test: as in a server, but what they send stays in memory.
    class SpecTransactions < TransactionalProducers
      private

      def build(key, topic)
        Buffering.attach(super)
      end
    end
  end
end
