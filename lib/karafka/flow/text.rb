# frozen_string_literal: true

module Karafka
  module Flow
    # For people, as Karafka 1.x printed it.
    class Text
      # The column where the notes about an outgoing topic begin.
      COLUMN = 25
      private_constant :COLUMN

      # @param topics [Array<Routing::Topic>] incoming ones
      def initialize(topics)
        @topics = topics
        @shared = topics.map { |topic| Flow.topic_name(topic) }.tally.select { |_, count| count > 1 }
      end

      # @return [String]
      def to_s
        @topics.flat_map { |topic| lines(topic) }.map { |line| "#{line}\n" }.join
      end

      private

      def lines(topic)
        name = Flow.topic_name(topic)
        # Several groups get it, each with a consumer of its own.
        name += " (group #{topic.consumer_group.name})" if @shared.key?(name)
        targets = topic.outgoing_topics
        return ["#{name} => (nothing)"] if targets.empty?

        ["#{name} =>", *targets.map { |target| "#{"  - #{target.name}:".ljust(COLUMN)} #{usage(target)}" }]
      end

      def usage(target)
        ["(#{Flow.usage(target)})", Flow.note(target)].compact.join(" ")
      end
    end
  end
end
