# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # What is the matter, since when (`since_ms`, milliseconds), and what to do.
      Verdict = Struct.new(:severity, :kind, :subject,
                           :text, :next_step, :group, :process, :since_ms, keyword_init: true) do
        # @return [Boolean] whether somebody has to do something
        def problem? = severity == :problem

        # @return [String] without what to do
        def to_s = "#{subject} #{text}"
      end

      # The worst one first. `unreachable` is a process that does not answer.
      Verdict::SEVERITIES = %i[problem unreachable warning note].freeze
    end
  end
end
