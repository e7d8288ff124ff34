# frozen_string_literal: true

module Karafka
  module Cli
    # The checks of `karafka doctor`, each a class of its own.
    module Doctor
      # What a check has found: `severity` is :error (something does not work), :warning (something will not, or not always) or :note
      # (to know, nothing to do). `next_step` is nil where nothing has to be done.
      Finding = Struct.new(:severity, :check, :subject, :cause, :next_step, keyword_init: true) do
        # @return [Integer] the worst first
        def rank = %i[error warning note].index(severity)

        # @return [Boolean] whether somebody has to do something
        def problem? = severity != :note
      end
    end
  end
end
