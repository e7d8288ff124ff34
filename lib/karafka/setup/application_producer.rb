# frozen_string_literal: true

module Karafka
  module Setup
    # The producer of an application: the one that was assigned, else one that is built on first use from the settings.
    # The last setting holds: a block after an assigned producer makes the application build its own again.
    class ApplicationProducer
      class << self
        # @api private
        # @return [#call, nil] gets each producer that becomes an application's
        attr_accessor :on_arrival
      end

      # @param config [Config]
      def initialize(config)
        @config = config
        @lock = Lock.new
        @producer = @customisation = @built_from = nil
      end

      # @return [WaterDrop::Producer, nil] nil: nobody has set the application up yet
      # @raise [Errors::InvalidConfigurationError] what would have set it up has failed
      def get
        @producer || @lock.synchronize { @producer ||= (build if set_up?) }
      end

      # @param block [Proc] changes the settings of the producer that is built
      # @return [void]
      def customise(block)
        @lock.synchronize do
          @customisation = block
          @producer = nil unless @built_from
        end
        refresh
      end

      # @param producer [WaterDrop::Producer]
      # @return [void]
      def assign(producer)
        @lock.synchronize do
          @producer = arrived(producer)
          @built_from = nil
        end
      end

      # @return [Boolean] whether there is one already
      def made?
        !@producer.nil?
      end

      # Settings changed: one that was built before and has sent nothing yet is built again on its next use.
      # @return [void]
      def refresh
        @lock.synchronize do
          next if @producer.nil? || @built_from.nil? || @built_from == source

          next @producer = @built_from = nil unless used?

          @built_from = source
          @config.logger.warn("Karafka.producer is in use and keeps the settings it was built with. For other ones make another " \
                              "producer, or set the application up before the first message.")
        end
      end

      private

      def arrived(producer)
        producer.tap { self.class.on_arrival&.call(producer) }
      end

      def set_up?
        return true if @config.brokers?
        raise Errors::InvalidConfigurationError, BootFile.absence if BootFile.failed?
      end

      def used?
        !@producer.respond_to?(:status) || !@producer.status.configured?
      end

      # What a producer is built from; equal where another one would be the same.
      def source
        [AttributesMap.producer(@config.kafka), @config.client_id, @config.logger.object_id, @config.oauth.token_provider_listener,
         @customisation&.source_location]
      end

      def build
        # Maybe within a consumer's Timeout, which must not end it halfway.
        Thread.handle_interrupt(Object => :never) { Object.const_get(:WaterDrop) }
        settings = AttributesMap.producer(@config.kafka)
        settings[:"client.id"] ||= @config.client_id
        application = @config
        customisation = @customisation
        made = WaterDrop::Producer.new do |config|
          config.kafka = settings
          config.logger = application.logger
          tokens = application.oauth.token_provider_listener
          config.oauth.token_provider_listener = tokens if tokens
          customisation&.call(config)
          application.class.platforms.each { |platform| platform.apply_to_producer(config) }
        end
        @built_from = source
        arrived(made)
      end
    end
  end
end
