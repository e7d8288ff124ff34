# frozen_string_literal: true

module WaterDrop
  class ConnectionPool
    # A pool in place of a producer, as `config.producer` of Karafka: each call lends one. Within {ConnectionPool#with} and
    # {ConnectionPool#transaction} of the same thread it is that one.
    module Producing
      # @!method produce_sync(message)
      # @!method produce_async(message)
      # @!method produce_many_sync(messages)
      # @!method produce_many_async(messages)
      # @!method produce_after_commit(message)
      # @!method produce_many_after_commit(messages)
      # @!method tombstone_sync(message)
      # @!method tombstone_async(message)
      # @!method tombstone_many_sync(messages)
      # @!method tombstone_many_async(messages)
      # @!method partition_count(topic)
      # @!method missing_topics(names)
      #   As of {Producer}.
      #   @raise [Errors::ConnectionPoolTimeoutError, Errors::ConnectionPoolClosedError]
      %i[produce_sync produce_async produce_many_sync produce_many_async produce_after_commit
         produce_many_after_commit tombstone_sync tombstone_async tombstone_many_sync tombstone_many_async partition_count
         missing_topics].each do |name|
        define_method(name) { |argument| with { |producer| producer.public_send(name, argument) } }
      end

      # @return [Boolean]
      def transactional?
        config.kafka.key?(:"transactional.id")
      end

      # @return [Boolean] whether this thread is inside of a transaction of one of them
      def transaction?
        held&.transaction? || false
      end

      # @return [Config] of the first producer; the others differ in what the block makes of their index. Makes no producer
      # @raise [Errors::ConfigurationInvalidError]
      def config
        @config ||= Config.new.setup { |config| @setup.call(config, 1) }.validate!
      end
    end
  end
end
