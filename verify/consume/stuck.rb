# frozen_string_literal: true

module Consume
  # Which members hold partitions that nobody commits, and what these said last.
  class Stuck
    LINES = 15
    REPORT_SECONDS = 10

    # @param incarnations [Array<Fleet::Incarnation>] those that run
    def initialize(incarnations)
      @incarnations = incarnations
    end

    # @param places [Array<String>] topic/partition
    # @return [Array<String>] a text for each member, and one for what nobody holds
    def describe(places)
      held = @incarnations.to_h { |incarnation| [incarnation, holds(incarnation) & places] }
      nobodys = places - held.values.flatten
      told = held.filter_map { |incarnation, own| tell(incarnation, own) if own.any? }
      nobodys.any? ? ["held by no member: #{nobodys.join(", ")}", *told] : told
    end

    private

    # @return [Array<String>]
    def holds(incarnation)
      return [] unless File.exist?(incarnation.journal)

      File.foreach(incarnation.journal).with_object([]) do |line, own|
        kind, _, *places = line.split
        own.concat(places) if kind == "A"
        own.replace(own - places) if kind == "R"
      end
    end

    def tell(incarnation, own)
      last = File.readlines(incarnation.log).last(LINES)
      ["member #{incarnation.id} holds #{own.join(", ")}. Its log (#{incarnation.log}) ends:", *last.map { |line| "  #{line.chomp}" },
       "  #{state(incarnation) || "it does not say what its engine is at"}"].join("\n")
    end

    # TTIN makes it print the backtrace of each thread and the state of the engine.
    def state(incarnation)
      Process.kill(:TTIN, incarnation.pid)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + REPORT_SECONDS
      until Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
        found = File.foreach(incarnation.log).find { |line| line.start_with?("Engine ") && line.end_with?("\n") }
        return found.chomp if found

        sleep 0.1
      end
    rescue Errno::ESRCH
      nil
    end
  end
end
