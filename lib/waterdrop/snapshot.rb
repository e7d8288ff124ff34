# frozen_string_literal: true

module WaterDrop
  # A copy of a message that is sent, or looked at, later: what the caller does with its Strings meanwhile does not change it.
  # Ruby shares the bytes until one of them is written to. The label stays the caller's own object.
  # @api private
  module Snapshot
    class << self
      # @param message [Hash{Symbol=>Object}]
      # @return [Hash{Symbol=>Object}]
      def of(message)
        message.to_h { |name, value| [name, name == :label ? value : copy(value)] }
      end

      private

      def copy(value)
        case value
        when String then value.frozen? ? value : value.dup
        when Array then value.map { |item| copy(item) }
        # Of its own class, which may know more.
        when Hash then value.dup.transform_values! { |item| copy(item) }
        else value
        end
      end
    end
  end
  private_constant :Snapshot
end
