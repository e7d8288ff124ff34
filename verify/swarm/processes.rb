# frozen_string_literal: true

module Swarm
  # The supervisors and nodes there ever were, from the register that the nodes fill.
  class Processes
    Node = Struct.new(:supervisor, :id, :pid)

    # @param register [String] file
    def initialize(register)
      @register = register
    end

    # @return [Array<Node>]
    def all
      return [] unless File.exist?(@register)

      File.readlines(@register).select { |line| line.end_with?("\n") }.map { |line| Node.new(*line.split.map(&:to_i)) }
    end

    # @return [Array<Node>]
    def alive = all.select { |node| Processes.alive?(node.pid) }

    # @return [Array<String>] nodes of one supervisor that run twice
    def doubled
      alive.group_by { |node| [node.supervisor, node.id] }.filter_map do |(supervisor, id), several|
        "node #{id} of supervisor #{supervisor} runs as #{several.map(&:pid).join(" and ")}" if several.size > 1
      end
    end

    # @param pid [Integer]
    # @return [Boolean] a zombie has ended
    def self.alive?(pid)
      !%w[Z X].include?(File.read("/proc/#{pid}/stat")[/\) (.)/, 1])
    rescue SystemCallError
      false
    end
  end
end
