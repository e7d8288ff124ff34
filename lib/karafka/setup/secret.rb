# frozen_string_literal: true

module Karafka
  module Setup
    # The value of a setting that is secret, such as a password: a String that hides its text where somebody prints an object
    # that has it (`p`, `pp`, `to_json`, `to_yaml`). Where its text is asked for (`to_s`, interpolation) it gives it.
    class Secret < String
      MASK = "[hidden]"

      # @return [String]
      def inspect
        MASK.inspect
      end

      # @param printer [PP]
      # @return [void]
      def pretty_print(printer)
        printer.text(inspect)
      end

      # @return [String]
      def as_json(*)
        MASK
      end

      # @return [String]
      def to_json(*)
        MASK.inspect
      end

      # @param coder [Psych::Coder]
      # @return [void]
      def encode_with(coder)
        coder.tag = nil
        coder.scalar = MASK
      end
    end
  end
end
