# frozen_string_literal: true

module Karafka
  module Testing
    # Finds routes by the names that a test gives.
    module Helpers
      class << self
        # @param name [String, Symbol] of a topic, of a pattern, or one that a pattern matches
        # @param group [String, Symbol, nil] consumer group; nil: the only one that has it
        # @return [Routing::Topic] of a pattern: for the topic of that name alone
        # @raise [Errors::BaseError] there is none, or more than one
        def topic(name, group = nil)
          Testing.ensure_karafka_initialized!
          found = in_group(candidates(name.to_s), name, group)
          unless found.one?
            groups = found.map { |topic| topic.consumer_group.name }
            raise Errors::TopicInManyConsumerGroupsError,
                  "the topic #{name} is consumed by the groups #{groups.join(", ")}; say which one is meant: " \
                  "consumer_for(#{name.inspect}, #{groups.first.inspect})"
          end

          found.first.for(name.to_s)
        end

        private

        # Names come before patterns, as when messages arrive.
        def candidates(name)
          topics = App.routes.topics
          [
            ->(topic) { topic.name == name || topic.pattern_name == name },
            ->(topic) { topic.pattern? && topic.regexp.match?(name) }
          ].each do |rule|
            found = topics.select(&rule)
            return found if found.any?
          end
          []
        end

        def in_group(found, name, group)
          raise Errors::TopicNotFoundError, absent(name, App.routes.topics) if found.empty?
          return found.uniq(&:consumer_group) if group.nil?

          named = App.routes.find { |candidate| [candidate.name, candidate.id].include?(group.to_s) } || unknown!(group)
          chosen = found.find { |topic| topic.consumer_group.equal?(named) } or
            raise Errors::TopicNotFoundError, "#{absent(name, named.topics)} The group #{group} was asked for."
          [chosen]
        end

        def unknown!(group)
          raise Errors::ConsumerGroupNotFoundError,
                "the routes have no consumer group #{group}.#{Setup.suggestion(group, App.routes.map(&:name))}"
        end

        def absent(name, topics)
          "no route has a topic #{name}.#{Setup.suggestion(name, topics.map(&:name))}"
        end
      end
    end
  end
end
