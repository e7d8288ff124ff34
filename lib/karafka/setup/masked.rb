# frozen_string_literal: true

module Karafka
  module Setup
    # How {KafkaSettings} are shown to people: secrets are hidden, and so is whatever librdkafka does not know, such as a
    # password under a misspelt name. Code reads the values as they are, with `settings[:"sasl.password"]` or `to_h`.
    module Masked
      # @return [Hash{Symbol=>Object}] for people: what is secret is hidden
      def to_display
        to_h { |key, value| [key, KafkaContract.shown?(key) ? value : Secret::MASK] }
      end

      # @return [String]
      def inspect
        to_display.inspect
      end
      alias to_s inspect

      # @param printer [PP]
      # @return [void]
      def pretty_print(printer)
        printer.pp(to_display)
      end

      # @return [Hash{String=>Object}]
      def as_json(*)
        to_display.transform_keys(&:to_s)
      end

      # @return [String]
      def to_json(*state)
        as_json.to_json(*state)
      end

      # @param coder [Psych::Coder]
      # @return [void]
      def encode_with(coder)
        coder.represent_map(nil, to_display.transform_keys(&:to_s))
      end
    end
  end
end
