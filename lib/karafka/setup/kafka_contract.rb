# frozen_string_literal: true

require "pathname"

module Karafka
  module Setup
    # Checks settings of librdkafka, before any connection: librdkafka itself is asked about the names, each value, and
    # whether it makes a client of all of them together.
    module KafkaContract
      # What the engine decides. Setting them would contradict it, or would do nothing.
      ENGINE_OWNED = {
        "enable.auto.offset.store" => "the engine stores the offset of what was processed, and nothing else. For offsets by " \
                                      "hand set `manual_offset_management true` on the topic",
        "group.id" => "the group comes from `config.group_id` or from `consumer_group :name` in the routes"
      }.freeze
      # As {Engine::Config} leaves it to librdkafka.
      SESSION_TIMEOUT_MS = 45_000
      # Two settings of librdkafka, which are one here.
      SAME = { "auto.commit.enable" => "enable.auto.commit" }.freeze
      private_constant :ENGINE_OWNED, :SESSION_TIMEOUT_MS, :SAME

      # What was tried already: it costs some milliseconds, more with certificates.
      @tried = {}

      class << self
        # @return [Array<String>] every name librdkafka has
        def names
          Librdkafka.kafka_properties.keys
        end

        # @param name [String, Symbol]
        # @return [String] the same for all names of one setting
        def main_name(name)
          Librdkafka.kafka_aliases.fetch(name.to_s) { |given| SAME.fetch(given, given) }
        end

        # @param name [String, Symbol]
        # @return [Boolean] whether a value under that name may be shown
        def shown?(name)
          !KafkaSettings.secret?(name) && Librdkafka.kafka_properties.key?(name.to_s)
        end

        # @param settings [KafkaSettings]
        # @param roles [Array<String>] "consumer", "producer"
        # @param whole [Boolean] whether these are all settings of a client, which are tried together
        # @return [void]
        # @raise [Errors::InvalidConfigurationError]
        def check!(settings, roles: %w[consumer producer], whole: false)
          settings.each_key { |key| check_name(key.to_s, settings.label) }
          check_encoding(settings)
          check_owned(settings) if roles.include?("consumer")
          InstanceId.check!(settings[:"group.instance.id"])
          BrokerList.check!(settings.brokers, settings.label)
          roles.each { |role| check_values(settings, role) }
          roles.each { |role| check_together!(settings, role) } if whole
        end

        # What is fine one by one and impossible together, and what librdkafka reads only when it makes a client.
        # @param settings [KafkaSettings] all of one client
        # @param role ["consumer", "producer"]
        # @return [void]
        # @raise [Errors::InvalidConfigurationError]
        def check_together!(settings, role)
          own = KafkaSettings.new(only(settings, role), settings.label)
          heartbeats!(own) if role == "consumer"
          given = Oauth::Settings.for_librdkafka(own.to_librdkafka).except("enable.auto.commit", "auto.commit.enable",
                                                                           "enable.partition.eof")
          return if @tried.key?([role, given.hash])

          reason = Librdkafka.try_kafka_settings(given, role)
          unusable_file!(own, reason) if reason
          raise Errors::InvalidConfigurationError, impossible(settings, role, reason) if reason

          @tried = @tried.merge([role, given.hash] => true)
        end

        # @param settings [Hash{String, Symbol=>Object}]
        # @param role ["consumer", "producer"]
        # @return [Hash] those of the settings which that client knows; keys stay as they are
        def only(settings, role)
          other = role == "consumer" ? "P" : "C"
          scopes = Librdkafka.kafka_properties
          settings.to_h.reject { |key, _| scopes[key.to_s] == other }
        end

        private

        def impossible(settings, role, reason)
          if reason.include?("GSSAPI")
            # librdkafka's default, which is not compiled in.
            return "#{settings.label} asks for SASL with Kerberos (GSSAPI), which this build does not have. Set \"sasl.mechanism\" to " \
                   "\"PLAIN\", \"SCRAM-SHA-256\", \"SCRAM-SHA-512\" or \"OAUTHBEARER\". Or compile the gem with Kerberos: install the " \
                   "headers of libsasl2 (Debian: libsasl2-dev), then `gem install karafka-rs --platform ruby -- --with-gssapi`."
          end

          "#{settings.label} has settings that librdkafka refuses for a #{role}: #{reason.delete_suffix(".")}."
        end

        # "ssl.ca.location failed: error:0588…": neither the file nor what is wrong with it can be seen from that.
        def unusable_file!(settings, reason)
          key = reason[/\bssl\.\w+\.location\b/]&.to_sym or return
          file = settings[key]&.to_s or return

          refuse!(settings.label, key, file,
                  File.readable?(file) ? "librdkafka cannot use that file: #{reason}" : "this process cannot read that file")
        end

        def check_name(key, label)
          return if Librdkafka.kafka_properties.key?(key)

          known = names + Compat::KafkaNames.names.map(&:to_s)
          raise Errors::InvalidConfigurationError,
                "#{label} sets \"#{key}\", which librdkafka does not know.#{Setup.suggestion(key, known)}"
        end

        def check_encoding(settings)
          broken, = settings.to_librdkafka.find { |_, text| !text.valid_encoding? }
          raise Errors::InvalidConfigurationError, "#{settings.label} sets \"#{broken}\" to a text that is not valid UTF-8." if broken
        end

        def check_owned(settings)
          settings.each_key do |key|
            reason = ENGINE_OWNED[key.to_s] or next

            raise Errors::InvalidConfigurationError, "#{settings.label} sets \"#{key}\", which cannot be set: #{reason}."
          end
        end

        def check_values(settings, role)
          own = KafkaSettings.new(only(settings, role), settings.label)
          own.each { |key, value| written!(key, value, settings.label) }
          key, reason = Librdkafka.check_kafka_settings(Oauth::Settings.for_librdkafka(own.to_librdkafka), role).first
          refuse!(settings.label, key, own[key], reason) if key
          SAME.each { |pair| agree!(own, pair) }
        end

        def agree!(settings, pair)
          (first, value), (second, other) = settings.select { |key, _| pair.include?(key.to_s) }.to_a
          return if second.nil? || value.to_s.casecmp?(other.to_s)

          refuse!(settings.label, second, other,
                  "\"#{first}\" is another name of the same setting and has another value; leave one of them out")
        end

        def refuse!(label, key, value, reason)
          shown = shown?(key) ? value.inspect : Secret::MASK
          raise Errors::InvalidConfigurationError, "#{label} sets \"#{key}\" to #{shown}, but #{reason.delete_suffix(".")}."
        end

        # Values that librdkafka takes as a text and that mean something else.
        def written!(key, value, label)
          if Setup.duration?(value)
            refuse!(label, key, value, "a duration is written as seconds: write #{value.to_i * 1000}, or .in_milliseconds behind it")
          end
          unless value.is_a?(Array) ? value.all? { |one| scalar?(one) } : scalar?(value)
            refuse!(label, key, value, "it must be a String, a Symbol, a number, true, false, nil, or an Array of these")
          end
          return unless key.end_with?(".pem") && value.to_s.include?("\\n")

          refuse!(label, key, value, "it has \\n as two characters where lines end, as variables of the environment often have: " \
                                     "write value.gsub(\"\\\\n\", \"\\n\")")
        end

        # What has one text that says all of it.
        def scalar?(value)
          case value
          when String, Symbol, Numeric, Pathname, true, false, nil then true
          else false
          end
        end

        # The group would take the member for dead between two heartbeats.
        def heartbeats!(settings)
          interval = settings[:"heartbeat.interval.ms"] or return
          return if settings[:"group.protocol"].to_s.casecmp?("consumer")

          session = settings[:"session.timeout.ms"] || SESSION_TIMEOUT_MS
          return if interval.to_i < session.to_i

          refuse!(settings.label, :"heartbeat.interval.ms", interval,
                  "it must be below \"session.timeout.ms\" (#{session}), at most a third of it: a member without a heartbeat for " \
                  "that long loses its partitions")
        end
      end
    end
  end
end
