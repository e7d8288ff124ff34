# frozen_string_literal: true

module Karafka
  module Routing
    # The names of topics in Kafka and in the application, which differ where `config.topic_mapper` says so.
    module TopicNames
      class << self
        # Kafka's metrics cannot tell a.b from a_b, so a name with underscores goes on with underscores.
        # @param name [String]
        # @param parts [Array<#to_s>]
        # @return [String]
        def joined(name, *parts)
          [name, *parts].join(name.include?("_") && !name.include?(".") ? "_" : ".")
        end

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
