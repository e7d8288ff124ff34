# frozen_string_literal: true

module Karafka
  # Which partitions this process has now, as the engine says it.
  module Assignments
    class << self
      # @param state [Hash{Symbol=>Object}, nil] of the engine
      # @param listeners [Array<Runtime::Listener>]
      # @return [Hash{Routing::Topic=>Array<Integer>}] of a pattern, each topic that was found
      def of(state, listeners)
        groups = listeners.to_h { |listener| [listener.id.to_s, listener.subscription_group] }
        found = Array(state && state[:groups]).flat_map do |group|
          group[:assigned].group_by(&:first).filter_map { |name, partitions| entry(groups[group[:id]], name, partitions) }
        end
        merged(found)
      end

      private

      def entry(group, name, partitions)
        topics = group&.active_topics or return
        topic = topics.reject(&:pattern?).find { |one| one.matches?(name) } || topics.find { |one| one.matches?(name) } or return
        [topic.pattern? ? topic.for(Routing::TopicNames.in_application(name)) : topic, partitions.map { |_, number| number }]
      end

      # With several connections a topic is in several places.
      def merged(found)
        found.group_by { |topic, _| topic.id }.values.to_h do |entries|
          [entries.first.first, entries.flat_map(&:last).uniq.sort]
        end
      end
    end
  end
end
