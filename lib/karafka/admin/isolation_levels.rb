# frozen_string_literal: true

module Karafka
  class Admin
    # What a look-up of offsets counts as the end of a partition.
    module IsolationLevels
      # The end of the log.
      READ_UNCOMMITTED = 0
      # The first message of a transaction that has not ended, where there is one.
      READ_COMMITTED = 1

      # @param level [Integer, nil]
      # @return [Boolean] whether only what was committed counts
      # @raise [Errors::InvalidConfigurationError]
      # @api private
      def self.committed?(level)
        return level == READ_COMMITTED if [nil, READ_UNCOMMITTED, READ_COMMITTED].include?(level)

        Setup.invalid!("isolation_level", level, "one of Karafka::Admin::IsolationLevels (READ_UNCOMMITTED, READ_COMMITTED)")
      end
    end
  end
end
