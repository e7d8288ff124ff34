# frozen_string_literal: true

module Karafka
  module Compat
    # What the metadata of a message and of a batch answered in Karafka 1.x.
    module MetadataNames
      # @return [false] Kafka's own records are not delivered
      def is_control_record # rubocop:disable Naming/PredicateName -- the name of 1.x
        false
      end

      # @return [#call] what decodes the payload
      def deserializer
        deserializers&.payload || Deserializers::Set.default(:payload)
      end
    end
  end
end
