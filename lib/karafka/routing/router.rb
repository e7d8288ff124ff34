# frozen_string_literal: true

module Karafka
  module Routing
    # Finds a route, by the names of 1.x and 2.x.
    module Router
      class << self
        # @param id [String] `<group id>_<topic>`, as {Topic#id}
        # @return [Topic] of a pattern: the route for that topic alone
        # @raise [Errors::NonMatchingRouteError]
        def find(id)
          found = topics.find { |topic| topic.id == id } || of_pattern(id)
          found || raise(
            Errors::NonMatchingRouteError,
            "no route has the id #{id.inspect}. It is the id of the group, an underscore and the topic; there are: " \
            "#{NameList.short(topics.map(&:id), 10)}"
          )
        end

        # @param wanted [Hash{Symbol=>Object}] one of `id` and `name`
        # @return [Topic, nil]
        def find_by(**wanted)
          topics.find { |topic| wanted.all? { |name, value| topic.public_send(name) == value } }
        end

        private

        def topics = App.routes.topics

        def of_pattern(id)
          topics.select(&:pattern?).each do |topic|
            prefix = "#{topic.consumer_group.id}_"
            name = id.to_s.delete_prefix(prefix)
            return topic.for(name) if id.to_s.start_with?(prefix) && topic.matches?(name)
          end
          nil
        end
      end
    end
  end
end
