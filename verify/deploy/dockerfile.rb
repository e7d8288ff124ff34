# frozen_string_literal: true

require "json"

module Verify
  # What a Dockerfile says, stage by stage. It knows the instructions that ours has, and refuses others.
  class Dockerfile
    # `name` is what comes after AS.
    Stage = Struct.new(:image, :name, :steps)
    Step = Struct.new(:instruction, :argument) do
      # @return [Array<String>] of the exec form
      def words = JSON.parse(argument)

      # @return [Hash{String=>String}] such as {"from" => "build"}
      def options = argument.scan(/--(\w+)=(\S+)/).to_h

      # @return [Array<String>] what is no option
      def operands = argument.split.grep_v(/\A--/)
    end

    KNOWN = %w[WORKDIR RUN COPY USER STOPSIGNAL CMD].freeze
    private_constant :KNOWN

    # @return [Array<Stage>]
    attr_reader :stages

    # @param text [String]
    # @raise [ArgumentError] it has an instruction that nobody carries out here
    def initialize(text)
      @stages = []
      text.gsub(/\\\n\s*/, "").lines(chomp: true).grep_v(/\A\s*(#|\z)/).each do |line|
        instruction, argument = line.split(" ", 2)
        next @stages << Stage.new(*argument.split(/ as /i), []) if instruction == "FROM" && argument.match?(/ as /i)
        next @stages << Stage.new(argument, nil, []) if instruction == "FROM"
        raise ArgumentError, "unknown instruction: #{line}" unless KNOWN.include?(instruction)

        @stages.last.steps << Step.new(instruction, argument)
      end
    end
  end
end
