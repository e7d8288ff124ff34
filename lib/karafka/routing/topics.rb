# frozen_string_literal: true

module Karafka
  module Routing
    # The topics of a consumer group.
    class Topics < Array
      # @param name [String, Symbol] none: as of any Array
      # @return [Topic, nil]
      # @raise [Errors::TopicNotFoundError] there is none of that name
      def find(name = nil, &)
        return super(&) if name.nil?

        super() do |topic|
          topic.name == name.to_s
        end || raise(Errors::TopicNotFoundError, "there is no topic #{name} in #{map(&:name).join(", ")}")
      end
    end
  end
end
