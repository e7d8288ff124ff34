# frozen_string_literal: true

module Phobos
  # Included in a class that processes messages: a new instance for each message, and endless retries.
  module Handler
    # @api private
    def self.included(base)
      base.extend(ClassMethods)
    end

    # The class methods, for what is done once.
    module ClassMethods
      # Called when the listener starts.
      # @param kafka_client [Kafka::Client]
      # @return [void]
      def start(kafka_client); end

      # Called when it stops.
      # @return [void]
      def stop; end
    end

    # @param _payload [String]
    # @param _metadata [Hash{Symbol=>Object}] :key, :partition, :offset, :retry_count, :topic, :group_id, :listener_id, :headers
    # @return [void]
    def consume(_payload, _metadata)
      raise NotImplementedError, "#{self.class} needs a method consume(payload, metadata)"
    end

    # Goes around {#consume}; what it yields is consumed.
    # @return [Object]
    def around_consume(payload, metadata)
      yield payload, metadata
    end
  end

  # Included in a class that processes batches (`delivery: inline_batch`).
  module BatchHandler
    # @api private
    def self.included(base)
      base.extend(Handler::ClassMethods)
    end

    # @param _payloads [Array<BatchMessage>]
    # @param _metadata [Hash{Symbol=>Object}]
    # @return [void]
    def consume_batch(_payloads, _metadata)
      raise NotImplementedError, "#{self.class} needs a method consume_batch(payloads, metadata)"
    end

    # Goes around {#consume_batch}; what it yields is consumed.
    # @return [Object]
    def around_consume_batch(payloads, metadata)
      yield payloads, metadata
    end
  end

  # A message of a batch.
  BatchMessage = Struct.new(:key, :partition, :offset, :payload, :headers, keyword_init: true) # rubocop:disable Lint/StructNewOverride -- Kafka's

  # Logs what comes.
  class EchoHandler
    include Handler

    # @return [void]
    def consume(payload, metadata)
      Phobos.logger.info(message: payload, **metadata)
    end
  end
end
