# frozen_string_literal: true

module Karafka
  module Compat
    # What a check of a contract has found: `Karafka::Contracts::Result` and `WaterDrop::Contracts::Result`.
    class ContractResult
      # @return [Hash{Symbol=>String}] what is wrong, by part
      attr_reader :errors

      # @param errors [Hash{Symbol=>String}]
      def initialize(errors)
        @errors = errors
      end

      # @return [Boolean]
      def success?
        errors.empty?
      end
    end
  end
end
