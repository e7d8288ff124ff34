# frozen_string_literal: true

module Karafka
  module Routing
    # Where the settings of the routes end: the configuration of the application.
    module ConfigDefaults
      PATHS = {
        pause_timeout: %i[pause timeout],
        pause_max_timeout: %i[pause max_timeout],
        pause_with_exponential_backoff: %i[pause with_exponential_backoff]
      }.freeze
      FIXED = {
        active: true, eofed: false, exactly_once: false, inline_insights: false, insights_required: false, delay_by: nil,
        expire_after: nil, only: nil, periodic: nil, on_deserialization_error: :raise, retry_topics: [].freeze,
        parallel: nil, declaration: nil, swarm: nil, offset_metadata: Layer::OffsetMetadata.new(true, ->(text) { text }).freeze
      }.freeze
      private_constant :PATHS, :FIXED

      class << self
        # @param name [Symbol]
        # @return [Object]
        def setting(name)
          return FIXED[name] if FIXED.key?(name)

          (PATHS[name] || [name]).inject(App.config) { |settings, part| settings.public_send(part) }
        end

        # @return [Boolean] false: nothing here was said in the routes
        def explicit?(_name)
          false
        end

        # @return [false]
        def own_kafka?
          false
        end

        # @return [true]
        def inherits_kafka?
          true
        end

        # @return [Setup::KafkaSettings]
        def kafka_settings
          App.config.kafka.dup
        end

        # @param part [:payload, :key, :headers]
        # @return [#call]
        def deserializer_for(part)
          (App.config.deserializer if part == :payload) || Deserializers::Set.default(part)
        end
      end
    end
  end
end
