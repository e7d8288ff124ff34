# frozen_string_literal: true

require "delegate"
require "securerandom"

module Phobos
  # Consumes one topic for one group with one handler, a message or a batch at a time. {#start} blocks.
  class Listener
    include Instrumentation

    DELIVERIES = %w[batch message inline_batch].freeze
    # Settings that the section `consumer` has as well.
    CONSUMER = %i[session_timeout offset_commit_interval heartbeat_interval offset_commit_threshold offset_retention_time].freeze
    private_constant :DELIVERIES, :CONSUMER

    # The routes of one listener.
    Routes = Struct.new(:config, :routes)
    # The application's settings, but one worker.
    class OneWorker < SimpleDelegator
      # @return [Integer]
      def concurrency = 1
    end
    private_constant :Routes, :OneWorker

    # @return [String] six hexadecimal digits
    attr_reader :id
    # @return [Class]
    attr_reader :handler_class
    # @return [String]
    attr_reader :group_id
    # @return [String]
    attr_reader :topic
    # @return [Encoding, nil]
    attr_reader :encoding
    # @return [Kafka::Client]
    attr_reader :kafka_client

    # @param handler [Class] includes {Handler}, or {BatchHandler} with `delivery: "inline_batch"`
    # @param group_id [String]
    # @param topic [String]
    # @param delivery [String] "batch", "message" or "inline_batch"
    # @param backoff [#min_ms, #max_ms, nil] nil: the section `backoff`
    # @param force_encoding [String, nil] name of an Encoding, such as UTF_8
    # @param options [Hash{Symbol=>Object}] `min_bytes`, `max_wait_time` (seconds), and those of the section `consumer`
    # @raise [ConfigurationError]
    def initialize(handler:, group_id:, topic:, delivery: "batch", backoff: nil, force_encoding: nil, start_from_beginning: true,
                   max_bytes_per_partition: 1_048_576, min_bytes: nil, max_wait_time: nil, **options)
      @id = SecureRandom.hex(3)
      @handler_class = handler
      @group_id = group_id
      @topic = topic.to_s
      @delivery = checked(delivery.to_s, options)
      @backoff = backoff
      @encoding = encoding_of(force_encoding) if force_encoding
      @start = start_from_beginning ? "earliest" : "latest"
      @options = options.merge(min_bytes: min_bytes, max_wait_time: max_wait_time, max_bytes_per_partition: max_bytes_per_partition)
      # Mistakes show now: once it runs, they would be tried again forever.
      KafkaSettings.consumer(@options)
      create_exponential_backoff
      @kafka_client = Phobos.create_kafka_client("consumer")
      @stopping = false
      Listener.set_up
    end

    # What all listeners of a process share.
    # @api private
    # @return [void]
    def self.set_up
      return if Karafka::App.initialized?

      Karafka::App.setup do |config|
        config.kafka = KafkaSettings.connection("consumer")
        # A handler that runs is waited for, as long as it takes.
        config.shutdown_timeout = -1
      end
    end

    # Blocks until {#stop}.
    # @return [void]
    def start
      @finished = false
      @runtime = Karafka::Runtime.new(mode: :embedded, app: routes)
      return @runtime.control.close if @stopping

      instrument("listener.start_handler", about) { handler_class.start(kafka_client) }
      @runtime.start
      @runtime.stop if @stopping
      instrument("listener.start", about) { Phobos.logger.info(message: "Listener started", **about) }
      @runtime.serve
      failed
    ensure
      finish
    end

    # Begins the stop; does not wait.
    # @return [void]
    def stop
      return if @stopping

      @stopping = true
      unless Karafka::TrapContext.inside?
        instrument("listener.stopping", about) do
          Phobos.logger.info(message: "Listener stopping", **about)
        end
      end
      @runtime&.stop
    end

    # @return [Boolean]
    def should_stop? = @stopping

    # @return [Backoff]
    def create_exponential_backoff
      Phobos.create_exponential_backoff(@backoff)
    end

    # Heartbeats are sent in the background.
    # @return [void]
    def send_heartbeat_if_necessary; end

    # @return [Hash{Symbol=>Object}] part of all its events
    def about
      { listener_id: id, group_id: group_id, topic: topic, handler: handler_class.to_s }
    end

    private

    # phobos takes the names of Ruby's constants.
    def encoding_of(name)
      Encoding.constants.include?(name.to_s.to_sym) ? Encoding.const_get(name.to_s) : Encoding.find(name.to_s)
    rescue ArgumentError
      raise ConfigurationError, "force_encoding is #{name.inspect}, but must be an encoding of Ruby, such as UTF_8 or ASCII_8BIT"
    end

    def checked(delivery, options)
      unknown = options.keys - CONSUMER
      raise ArgumentError, "unknown keywords: #{unknown.join(", ")}; there are #{CONSUMER.join(", ")}" if unknown.any?
      return delivery if DELIVERIES.include?(delivery)

      raise ConfigurationError, "Invalid delivery method '#{delivery}'. Valid options are: #{DELIVERIES.join(", ")}"
    end

    # What it failed at, with the runtime's own end.
    def failed
      raise @runtime.failure if @runtime.failure
      return unless @delegate&.waiting?

      instrument("listener.retry_aborted", about) { Phobos.logger.info(message: "Retry loop aborted, listener is shutting down", **about) }
    end

    def finish
      return if @finished

      @finished = true
      stop_handler
      instrument("listener.stop", about) { Phobos.logger.info(message: "Listener stopped", **about) }
    end

    # What it raises must not hide why the listener has ended.
    def stop_handler
      instrument("listener.stop_handler", about) { handler_class.stop }
    rescue StandardError => e
      Phobos.logger.error(message: "#{handler_class}.stop raised #{e.class}: #{e.message}", **about)
    end

    def routes
      kafka = KafkaSettings.consumer(@options)
      delegate = @delegate = Delegate.for(self, @delivery)
      listener = self
      start = @start
      builder = Karafka::Routing::Builder.new
      builder.draw do
        consumer_group(listener.group_id) do
          topic(listener.topic) do
            consumer delegate
            kafka(kafka)
            initial_offset start
            new_partitions start
            long_running_limit false
            max_messages 1_000
          end
        end
      end
      Routes.new(OneWorker.new(Karafka::App.config), builder)
    end
  end
end
