# frozen_string_literal: true

module Phobos
  # The sections of the configuration as settings of librdkafka. Their names are those of ruby-kafka, in seconds, which Karafka 1.x had
  # as well.
  module KafkaSettings
    # They ask for nothing here.
    WITHOUT_EFFECT = {
      persistent_connections: "connections are kept always", delivery_threshold: "messages are sent at once",
      delivery_interval: "messages are sent at once", offset_commit_threshold: "offsets are committed by time",
      offset_retention_time: "the broker decides", compression_threshold: "what is sent together is compressed",
      max_buffer_size: "librdkafka has a queue of its own", max_buffer_bytesize: "librdkafka has a queue of its own",
      max_queue_size: "librdkafka has a queue of its own", fetcher_max_queue_size: "the engine bounds its memory in bytes"
    }.freeze
    # ruby-kafka's and phobos's own defaults are in every configuration file.
    DEFAULTS = {
      delivery_threshold: 0, delivery_interval: 0, offset_commit_threshold: 0, compression_threshold: 1, max_buffer_size: 1000,
      max_buffer_bytesize: 10_000_000, max_queue_size: 1000
    }.freeze
    private_constant :WITHOUT_EFFECT, :DEFAULTS

    class << self
      # @param role [String, nil] "producer" or "consumer"
      # @return [Hash{String=>String}]
      def connection(role = nil)
        translate(client(role), "kafka")
      end

      # @param role [String, nil] "producer" or "consumer"
      # @return [Hash{Symbol=>Object}] as ruby-kafka's client takes them
      def client(role = nil)
        own = role && section(role)[:kafka]
        { **section(:kafka), **(own || {}) }.compact
      end

      # @return [Hash{String=>String}]
      def producer
        { **connection("producer"), **translate(section(:producer).except(:kafka), "producer") }
      end

      # @param own [Hash{Symbol=>Object}] of a listener
      # @return [Hash{String=>String}]
      def consumer(own = {})
        # A broker that waits for nothing but time keeps back the partitions that come after its wait has begun.
        own = own.except(:max_wait_time) unless own[:min_bytes].to_i > 1
        { **connection("consumer"), **translate(section(:consumer).except(:kafka).merge(own), "consumer") }
      end

      private

      def section(name)
        found = Phobos.config.public_send(name)
        found.respond_to?(:to_hash) ? found.to_hash : {}
      end

      def translate(settings, label)
        names = Karafka::Setup::KafkaSettings.new({}, "Phobos.config.#{label}") { nil }
        names[:"client.id"] = settings[:client_id] if settings[:client_id]
        settings.except(:client_id).compact.each do |name, value|
          next note(label, name, value) if WITHOUT_EFFECT.key?(name)

          names.public_send(:"#{name}=", value.is_a?(Symbol) ? value.to_s : value)
        end
        names.to_librdkafka
      end

      def note(label, name, value)
        return if DEFAULTS[name] == value || @noted&.include?([label, name])

        (@noted ||= []) << [label, name]
        Phobos.logger&.warn(message: "#{label}.#{name} has no effect", because: WITHOUT_EFFECT[name])
      end
    end
  end
end
