# frozen_string_literal: true

require "fiddle"

module Scraping
  # Stops one thread of a child process, as a debugger does; the others go on. Only on Linux.
  class StoppedThread
    SEIZE = 0x4206
    INTERRUPT = 0x4207
    DETACH = 17

    # @param pid [Integer]
    # @param name [Regexp] of the thread
    def initialize(pid, name)
      @id = Dir.children("/proc/#{pid}/task").map(&:to_i).find { |id| File.read("/proc/#{pid}/task/#{id}/comm").match?(name) }
      raise "no thread #{name} in #{pid}" unless @id

      given = [Fiddle::TYPE_LONG, Fiddle::TYPE_INT, Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP]
      @ptrace = Fiddle::Function.new(Fiddle.dlopen(nil)["ptrace"], given, Fiddle::TYPE_LONG)
    end

    # It goes on after the block. Both have to be the same thread's.
    def during
      call(SEIZE)
      call(INTERRUPT)
      yield
    ensure
      call(DETACH)
    end

    private

    def call(request)
      @ptrace.call(request, @id, 0, 0).zero? || raise(SystemCallError.new("ptrace", Fiddle.last_error))
    end
  end
end
