# frozen_string_literal: true

module Karafka
  module Server
    # How the process consumes: by itself, or within one that does something else.
    ExecutionMode = Struct.new(:name) do
      # @return [Boolean]
      def standalone? = name == :standalone
      # @return [Boolean]
      def embedded? = name == :embedded
      # @return [false] a swarm is not there yet
      def swarm? = false
      # @return [false]
      def supervisor? = false

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
