# frozen_string_literal: true

module Karafka
  module Server
    # A stop that comes before the server: a thread was to run it, and another one already wants it to stop. Without this
    # the stop would be lost, and the server would run forever. A thread that stops what does not run and starts it afterwards, as
    # a restart does, means to start it; so does one that was created after the stop.
    module EarlyStop
      # How long after the stop a server may begin that it was meant for, seconds.
      LONGEST = 1
      private_constant :LONGEST

      class << self
        # Callable from a trap.
        # @return [void]
        def note
          threads = Thread.list
          threads.delete(Thread.current) unless TrapContext.inside?
          # By their ids: threads that have ended must not be kept.
          @noted = [Clock.now, threads.map(&:object_id)]
          nil
        end

        # @return [Boolean] whether the calling thread begins what was to be stopped; asked once
        def taken?
          at, threads = @noted
          @noted = nil
          !at.nil? && Clock.now - at < LONGEST && threads.include?(Thread.current.object_id)
        end
      end
    end
    private_constant :EarlyStop
  end
end
