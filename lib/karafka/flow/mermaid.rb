# frozen_string_literal: true

module Karafka
  module Flow
    # A picture for Markdown pages: GitHub and GitLab draw it in a block that begins with ```mermaid.
    class Mermaid
      # @param topics [Array<Routing::Topic>] incoming ones
      def initialize(topics)
        @graph = Graph.new(topics)
      end

      # @return [String]
      def to_s
        lines = [*@graph.topics.map { |name, id| "#{id}[(#{quoted(name)})]" },
                 *@graph.consumers.map { |label, id| "#{id}[#{quoted(label)}]" },
                 *@graph.edges.map { |edge| edge(edge) }]
        "flowchart LR\n#{lines.map { |line| "  #{line}\n" }.join}"
      end

      private

      def edge(edge)
        "#{edge.from} #{edge.conditional? ? "-.->" : "-->"}#{"|#{quoted(edge.label)}|" if edge.label} #{edge.to}"
      end

      # Its way to write a character by number; a quote has no other.
      def quoted(text)
        "\"#{text.gsub(/[^\w .,:()\n-]/) { |character| "##{character.ord};" }.gsub("\n", "<br>")}\""
      end
    end
  end
end
