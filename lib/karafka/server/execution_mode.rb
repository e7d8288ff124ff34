# frozen_string_literal: true

module Karafka
  module Server
    # How the process consumes: by itself, within one that does something else, or as a node of a swarm, whose supervisor does not
    # consume.
    ExecutionMode = Struct.new(:name) do
      # @return [Boolean]
      def standalone? = name == :standalone
      # @return [Boolean]
      def embedded? = name == :embedded
      # @return [Boolean] a node of a swarm
      def swarm? = name == :swarm
      # @return [Boolean] the process that has forked the nodes
      def supervisor? = name == :supervisor

      # @return [Symbol]
      def to_sym = name
      # @return [String]
      def to_s = name.to_s

      # @param other [ExecutionMode, Symbol]
      # @return [Boolean]
      def ==(other)
        other.is_a?(Symbol) ? name == other : super
      end
    end
  end
end
