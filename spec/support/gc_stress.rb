# frozen_string_literal: true

# Runs examples under Ruby's `GC.stress`: KARAFKA_GC_STRESS is the share of the time, above 0 and up to 1. With less than 1
# a thread switches it on and off all the time, so that it meets each part of an example, and the example ends all the
# same; each time it is off the heap is compacted. Deadlines grow with it.
module GCStress
  # One turn, on and off, seconds.
  TURN = 0.1
  # Times that an example may take as long as without.
  PATIENCE = 20

  class << self
    # @return [Float, nil] nil: no stress
    def share
      @share ||= ENV.fetch("KARAFKA_GC_STRESS", nil)&.then do |text|
        value = Float(text)
        raise ArgumentError, "KARAFKA_GC_STRESS is #{text}, but must be above 0 and up to 1" unless value.positive? && value <= 1

        value
      end
    end

    # @return [Integer] what deadlines are multiplied with
    def patience
      share ? PATIENCE : 1
    end

    # @yield the example
    def around
      return yield unless share

      # From the first line: most examples are shorter than a turn.
      GC.stress = true
      switch = Thread.new { turn } if share < 1
      yield
    ensure
      switch&.kill&.join
      GC.stress = false
    end

    private

    def turn
      loop do
        sleep(TURN * share)
        GC.stress = false
        GC.compact
        sleep(TURN * (1 - share))
        GC.stress = true
      end
    end
  end
end
