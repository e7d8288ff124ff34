# frozen_string_literal: true

module Karafka
  module Flow
    # A picture for Graphviz: `karafka flow --format dot | dot -Tsvg -o flow.svg`.
    class Dot
      # @param topics [Array<Routing::Topic>] incoming ones
      def initialize(topics)
        @graph = Graph.new(topics)
      end

      # @return [String]
      def to_s
        lines = [*@graph.topics.map { |name, id| "#{id} [label=#{quoted(name)}, shape=cylinder];" },
                 *@graph.consumers.map { |label, id| "#{id} [label=#{quoted(label)}, shape=box];" },
                 *@graph.edges.map { |edge| edge(edge) }]
        "digraph flow {\n  rankdir=LR;\n#{lines.map { |line| "  #{line}\n" }.join}}\n"
      end

      private

      def edge(edge)
        attributes = [("label=#{quoted(edge.label)}" if edge.label), ("style=dashed" if edge.conditional?)].compact
        "#{edge.from} -> #{edge.to}#{" [#{attributes.join(", ")}]" if attributes.any?};"
      end

      # A backslash of a pattern is one, a new line is \n.
      def quoted(text)
        "\"#{text.gsub(/["\\]/) { |character| "\\#{character}" }.gsub("\n", "\\n")}\""
      end
    end
  end
end
