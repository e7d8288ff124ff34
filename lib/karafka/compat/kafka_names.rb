# frozen_string_literal: true

module Karafka
  module Compat
    # The names under `config.kafka` and in the group blocks of Karafka 1.x (they were ruby-kafka's), each written as the
    # librdkafka settings that do the same. Times were in seconds there and are converted.
    class KafkaNames
      # name => librdkafka's, in milliseconds
      SECONDS = {
        session_timeout: :"session.timeout.ms",
        heartbeat_interval: :"heartbeat.interval.ms",
        rebalance_timeout: :"max.poll.interval.ms",
        offset_commit_interval: :"auto.commit.interval.ms",
        connect_timeout: :"socket.connection.setup.timeout.ms",
        socket_timeout: :"socket.timeout.ms",
        reconnect_timeout: :"reconnect.backoff.max.ms",
        max_wait_time: :"fetch.wait.max.ms",
        ack_timeout: :"request.timeout.ms",
        retry_backoff: :"retry.backoff.ms"
      }.freeze

      # Same meaning, other name.
      RENAMED = {
        min_bytes: :"fetch.min.bytes",
        max_bytes: :"fetch.max.bytes",
        max_bytes_per_partition: :"max.partition.fetch.bytes",
        ssl_client_cert_key_password: :"ssl.key.password",
        sasl_gssapi_keytab: :"sasl.kerberos.keytab",
        required_acks: :acks,
        max_retries: :"message.send.max.retries",
        max_buffer_size: :"queue.buffering.max.messages",
        compression_codec: :"compression.codec",
        idempotent: :"enable.idempotence"
      }.freeze

      # Settings of ours: name => [setting, conversion].
      OURS = {
        pause_timeout: %i[pause_timeout seconds],
        pause_max_timeout: %i[pause_max_timeout seconds],
        pause_exponential_backoff: [:pause_with_exponential_backoff, nil],
        start_from_beginning: [:initial_offset, ->(value) { value ? "earliest" : "latest" }],
        automatically_mark_as_consumed: [:manual_offset_management, ->(value) { !value }],
        # Settings of a producer.
        delivery_threshold: %i[buffer_max_messages off_at_zero],
        delivery_interval: %i[buffer_max_time seconds]
      }.freeze

      # Settings of ours that are counted in seconds here, as the user writes them in milliseconds.
      MILLISECONDS = { pause_timeout: "pause.timeout", pause_max_timeout: "pause.max_timeout", delivery_interval: "buffer_max_time" }.freeze

      # What asks for nothing, whatever is set to it.
      NEUTRAL = [nil, false, -1, ""].freeze

      # What has no counterpart: values that ask for nothing (ruby-kafka's and Karafka's defaults), and why others are refused.
      GONE = {
        offset_commit_threshold: [[0], "offsets are committed by time, not by count: delete it, or set offset_commit_interval"],
        offset_retention_time: [[], "since Kafka 2.1 the broker decides (offsets.retention.minutes): delete it"],
        compression_threshold: [[0, 1], "librdkafka compresses whatever it sends together: delete it"],
        max_buffer_bytesize: [[10_000_000], "set \"queue.buffering.max.kbytes\" instead (kilobytes)"],
        max_queue_size: [[1_000], "set \"queue.buffering.max.messages\" instead"],
        fetcher_max_queue_size: [[10, 100], "the engine bounds its memory in bytes: delete it, or set \"queued.max.messages.kbytes\""],
        sasl_plain_authzid: [[], "librdkafka has no separate authorisation id: delete it"],
        sasl_oauth_token_provider: [[], "set config.oauth.token_provider_listener, or \"sasl.oauthbearer.method\": \"oidc\""],
        assignment_strategy: [[], "set \"partition.assignment.strategy\": \"cooperative-sticky\" or \"range,roundrobin\" instead"]
      }.freeze

      SECURITY = %i[
        seed_brokers hosts ssl_ca_cert ssl_ca_cert_file_path ssl_ca_certs_from_system ssl_client_cert ssl_client_cert_key
        ssl_client_cert_chain ssl_verify_hostname sasl_plain_username sasl_plain_password sasl_scram_username
        sasl_scram_password sasl_scram_mechanism sasl_gssapi_principal sasl_over_ssl
      ].freeze

      # Above it a time was surely meant in milliseconds.
      MOST_SECONDS = 3_600
      NAMES = [*SECONDS.keys, *RENAMED.keys, *OURS.keys, *GONE.keys, *SECURITY].freeze
      private_constant :NEUTRAL, :SECONDS, :RENAMED, :OURS, :MILLISECONDS, :GONE, :SECURITY, :MOST_SECONDS, :NAMES

      # @return [Array<Symbol>]
      def self.names
        NAMES
      end

      # @param name [String, Symbol]
      # @return [Boolean]
      def self.include?(name)
        NAMES.include?(name.to_sym)
      end

      # @param setting [Symbol] what a name of 1.x stands for
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] it is one of producers only
      def self.not_for_producers!(setting)
        return unless %i[buffer_max_messages buffer_max_time].include?(setting)

        raise Errors::InvalidConfigurationError, "delivery_threshold and delivery_interval of 1.x are settings of a producer: set " \
                                                 "`config.producer { |producer| producer.#{setting} = … }` or use WaterDrop.setup."
      end

      # @param target [Setup::KafkaSettings] where the translation is written
      # @param label [String]
      def initialize(target, label:)
        @target = target
        @label = label
        @written = {}
        @security = KafkaSecurity.new(target, label: label)
      end

      # @param target [Setup::KafkaSettings]
      # @return [KafkaNames] a copy that writes to target
      def dup_for(target)
        copy = dup
        copy.retarget(target)
        copy
      end

      # @param name [Symbol]
      # @return [Object, nil] what was written under that name
      def read(name)
        @written[name]
      end

      # @param name [Symbol] one of {.names}
      # @param value [Object]
      # @return [Hash{Symbol=>Object}] settings of ours that follow from it
      # @raise [Errors::InvalidConfigurationError]
      def write(name, value)
        @written[name] = value
        if OURS.key?(name) then ours(name, value)
        elsif GONE.key?(name) then gone(name, value)
        else
          librdkafka(name, value)
          {}
        end
      end

      protected

      def retarget(target)
        @target = target
        @written = @written.dup
        @security = @security.dup_for(target)
      end

      private

      def librdkafka(name, value)
        if SECURITY.include?(name) then @security.write(name, value)
        elsif value.nil? then @target.delete(SECONDS[name] || RENAMED[name])
        elsif SECONDS.key?(name) then @target[SECONDS[name]] = milliseconds(name, value, SECONDS[name])
        else
          @target[RENAMED.fetch(name)] = value
        end
      end

      def ours(name, value)
        setting, conversion = OURS.fetch(name)
        return {} if value.nil?

        { setting => convert(name, value, conversion) }
      end

      def convert(name, value, conversion)
        case conversion
        when :seconds then off_at_zero(name, milliseconds(name, value, MILLISECONDS.fetch(name)))
        when :off_at_zero then off_at_zero(name, value)
        when Proc
          Setup::Types::BOOLEAN.check("#{@label}.#{name}", value)
          conversion.call(value)
        else value
        end
      end

      # ruby-kafka's way to say that a buffer is not sent by number or by time.
      def off_at_zero(name, value)
        value unless name.start_with?("delivery_") && value.is_a?(Numeric) && value.zero?
      end

      def gone(name, value)
        neutral, reason = GONE.fetch(name)
        return {} if NEUTRAL.include?(value) || neutral.include?(value)

        raise Errors::UnsupportedFeatureError, "#{@label}.#{name} of Karafka 1.x has no counterpart: #{reason}."
      end

      def milliseconds(name, value, modern)
        unless value.is_a?(Numeric) && !value.negative?
          Setup.invalid!("#{@label}.#{name}", value, "a number of seconds (a name of Karafka 1.x)")
        end
        return (value * 1000).round if value <= MOST_SECONDS

        Setup.invalid!("#{@label}.#{name}", value, "at most #{MOST_SECONDS}: this name of Karafka 1.x is in seconds. " \
                                                   "For milliseconds write \"#{modern}\": #{value}")
      end
    end
  end
end
