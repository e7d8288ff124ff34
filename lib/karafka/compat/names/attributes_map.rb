# frozen_string_literal: true

module Karafka
  # Which settings there are, as Karafka 1.x listed them.
  module AttributesMap
    class << self
      # @return [Array<Symbol>] settings of a topic
      def topic
        Routing::Layer::TYPES.keys
      end

      # @return [Array<Symbol>] settings of a consumer group, by the names of 1.x
      def consumer_group
        Compat::KafkaNames.names
      end
    end
  end
end
