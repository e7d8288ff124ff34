# frozen_string_literal: true

module Karafka
  module Setup
    # Checks settings of librdkafka, before any connection: the names and values are asked of librdkafka itself.
    module KafkaContract
      # What the engine decides. Setting them would contradict it, or would do nothing.
      ENGINE_OWNED = {
        "enable.auto.commit" => "the engine commits what was processed, and nothing else. For offsets by hand set " \
                                "`manual_offset_management true` on the topic",
        "enable.auto.offset.store" => "the engine stores the offset of what was processed, and nothing else. For offsets by " \
                                      "hand set `manual_offset_management true` on the topic",
        "group.id" => "the group comes from `config.group_id` or from `consumer_group :name` in the routes",
        "enable.partition.eof" => "set `eofed true` on the topic"
      }.freeze
      private_constant :ENGINE_OWNED

      class << self
        # @return [Array<String>] every name librdkafka has
        def names
          EngineFacts.kafka_properties.keys
        end

        # @param settings [KafkaSettings]
        # @param roles [Array<String>] "consumer", "producer"
        # @return [void]
        # @raise [Errors::InvalidConfigurationError]
        def check!(settings, roles: %w[consumer producer])
          settings.each_key { |key| check_name(key.to_s, settings.label) }
          InstanceId.check!(settings[:"group.instance.id"])
          BrokerList.check!(settings[:"bootstrap.servers"], settings.label)
          roles.each { |role| check_values(settings, role) }
        end

        # @param settings [Hash{String, Symbol=>Object}]
        # @param role ["consumer", "producer"]
        # @return [Hash] those of the settings which that client knows; keys stay as they are
        def only(settings, role)
          other = role == "consumer" ? "P" : "C"
          scopes = EngineFacts.kafka_properties
          settings.to_h.reject { |key, _| scopes[key.to_s] == other }
        end

        private

        def check_name(key, label)
          if ENGINE_OWNED.key?(key)
            raise Errors::InvalidConfigurationError, "#{label} sets \"#{key}\", which cannot be set: #{ENGINE_OWNED[key]}."
          end
          return if EngineFacts.kafka_properties.key?(key)

          known = names + Compat::KafkaNames.names.map(&:to_s)
          raise Errors::InvalidConfigurationError,
                "#{label} sets \"#{key}\", which librdkafka does not know.#{Setup.suggestion(key, known)}"
        end

        def check_values(settings, role)
          checked = KafkaSettings.new(only(settings, role)).to_librdkafka
          key, message = EngineFacts.check_kafka_settings(checked, role).first
          return unless key

          refused = "which librdkafka refuses: #{message.strip}"
          # librdkafka's message repeats the value.
          refused = "a value that librdkafka refuses" if KafkaSettings.secret?(key)
          value = KafkaSettings.secret?(key) ? KafkaSettings::MASK : checked[key].inspect
          raise Errors::InvalidConfigurationError, "#{settings.label} sets \"#{key}\" to #{value}, #{refused}"
        end
      end
    end
  end
end
