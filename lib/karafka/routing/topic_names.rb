# frozen_string_literal: true

module Karafka
  module Routing
    # The names of topics in Kafka and in the application, which differ where `config.topic_mapper` says so.
    module TopicNames
      class << self
        # @param name [String, false, nil] as the application calls it; what is no name stays as it is
        # @return [String, false, nil] as Kafka calls it
        def in_kafka(name)
          mapper = App.config.topic_mapper
          mapper && name ? mapper.outgoing(name).to_s : name
        end

        # @param name [String] as Kafka calls it
        # @return [String] as the application calls it
        def in_application(name)
          App.config.topic_mapper&.incoming(name)&.to_s || name
        end
      end
    end
  end
end
