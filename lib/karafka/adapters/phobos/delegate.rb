# frozen_string_literal: true

module Phobos
  # What the routes of a listener name: hands messages to new instances of its handler. An error is waited out by the engine, which
  # goes on with other partitions meanwhile; then the message, or the batch, comes again.
  class Delegate < Karafka::BaseConsumer
    include Instrumentation

    # The longest that the engine can wait, 24 days: the listener stops before.
    NEVER_MS = Karafka::Setup::Types::MOST
    private_constant :NEVER_MS

    class << self
      # @return [Listener]
      attr_accessor :listener
      # @return [Hash{Array=>Array}] partitions that wait for a retry
      attr_accessor :failures

      # @param listener [Listener]
      # @param delivery [String]
      # @return [Class<Delegate>]
      def for(listener, delivery)
        Class.new(self) do
          self.listener = listener
          self.failures = {}
          define_singleton_method(:name) { listener.handler_class.name }
          define_singleton_method(:to_s) { listener.handler_class.name }
          define_method(:consume) { delivery == "inline_batch" ? whole : one_by_one(delivery) }
        end
      end

      # @return [Boolean] whether some message waits for its next try
      def waiting? = failures.any?
    end

    private

    def listener = self.class.listener

    def one_by_one(delivery)
      return each_message if delivery == "message"

      instrument("listener.process_batch", about_batch) { each_message }
    end

    def each_message
      messages.each do |message|
        process(message)
        mark_as_consumed(message)
      end
    end

    def process(message)
      retries = retries_of(message.offset)
      metadata = { **listener.about, key: message.raw_key, partition: partition, offset: message.offset, retry_count: retries,
                                     headers: message.raw_headers }
      guarded(message.offset, retries, metadata, "listener.retry_handler_error") do
        instrument("listener.process_message", metadata) do
          handler = listener.handler_class.new
          handler.around_consume(encoded(message.raw_payload), metadata) { |payload, about| handler.consume(payload, about) }
        end
      end
    end

    def whole
      first = messages.first.offset
      retries = retries_of(first)
      metadata = { **about_batch.except(:highwater_mark_offset), retry_count: retries }
      guarded(first, retries, metadata, "listener.retry_handler_error_batch") do
        instrument("listener.process_batch_inline", metadata) do
          handler = listener.handler_class.new
          handler.around_consume_batch(batch_messages, metadata) { |payloads, about| handler.consume_batch(payloads, about) }
        end
      end
    end

    def batch_messages
      messages.map do |message|
        BatchMessage.new(key: message.raw_key, partition: partition, offset: message.offset, payload: encoded(message.raw_payload),
                         headers: message.raw_headers)
      end
    end

    def about_batch
      batch = messages.metadata
      { **listener.about, batch_size: messages.size, partition: partition, offset_lag: batch.lag,
                          highwater_mark_offset: batch.high_watermark }
    end

    def encoded(payload)
      listener.encoding && payload ? payload.dup.force_encoding(listener.encoding) : payload
    end

    def place = [topic.name, partition]

    def retries_of(offset)
      failed_at, retries = self.class.failures[place]
      failed_at == offset ? retries : 0
    end

    def guarded(offset, retries, metadata, event)
      yield
      self.class.failures.delete(place)
    rescue AbortError => e
      Phobos.logger.info(message: "Retry loop aborted, listener is shutting down", **listener.about)
      self.class.failures[place] = [offset, retries]
      listener.stop
      raise Karafka::RetryLater.new(e.message, in: NEVER_MS)
    rescue StandardError, ScriptError => e
      failed(e, offset, retries, metadata, event)
    end

    def failed(error, offset, retries, metadata, event)
      self.class.failures[place] = [offset, retries + 1]
      wait = listener.create_exponential_backoff.after(retries)
      details = { **metadata.except(:headers), waiting_time: wait / 1_000.0, exception_class: error.class.name,
                                               exception_message: error.message, backtrace: error.backtrace }
      instrument(event, details)
      Phobos.logger.error(message: "error processing message, waiting #{wait} ms", **details.except(:backtrace))
      Karafka::Instrumentation::Safely.error(error, "consumer.consume.error", caller: self)
      raise Karafka::RetryLater.new(error.message, in: wait)
    end
  end
end
