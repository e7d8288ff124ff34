# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # Keeps as few states of a process as a window needs: one at its beginning, one that will be the next beginning, and the last one.
      class History
        # How long the window is at least, once that much is known, and half of what it is at most, ms.
        WINDOW_MS = 15_000
        private_constant :WINDOW_MS

        # @param name [String]
        def initialize(name)
          @name = name
          @begun = @next = @last = nil
          @answered_ms = nil
        end

        # @param state [Hash{String=>Object}]
        # @param now_ms [Float] of {Clock}
        # @return [void]
        def answered(state, now_ms)
          @answered_ms = now_ms
          @error = @next_step = nil
          @begun = @next = nil if @begun && Look.new(@begun, state).before.nil?
          if @next && state["at_ms"] - @next["at_ms"] >= WINDOW_MS
            @begun = @next
            @next = state
          end
          @begun ||= state
          @next ||= state
          @last = state
        end

        # @param error [Errors::CommandError]
        # @return [void]
        def failed(error)
          @last = nil
          @error, _, @next_step = error.message.partition("; ")
        end

        # @param now_ms [Float] of {Clock}
        # @return [Reading, nil] nil: nothing is known yet
        def reading(now_ms)
          return unless @last || @error

          look = @last && Look.new(@begun.equal?(@last) ? nil : @begun, @last)
          Reading.new(name: @name, look: look, error: @error, next_step: (@next_step unless @next_step.to_s.empty?),
                      silent_ms: (now_ms - @answered_ms if @error && @answered_ms))
        end
      end
    end
  end
end
