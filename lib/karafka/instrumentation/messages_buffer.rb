# frozen_string_literal: true

module Karafka
  module Instrumentation
    # What `connection.listener.fetch_loop.received` reports: the batch that arrived, or that none did.
    class MessagesBuffer
      include Enumerable

      RECEIVED = "connection.listener.fetch_loop.received"

      # The event of a batch that arrived.
      class Received < BatchEvent
        # @param consumer [BaseConsumer] that is about to process the batch
        # @param lease [Native::Lease]
        def initialize(consumer, lease)
          now_ms = ::Process.clock_gettime(::Process::CLOCK_REALTIME, :float_millisecond)
          super(RECEIVED, consumer, nil, [now_ms - lease.received_at_ms, 0].max)
          @topic = consumer.topic
          @buffer = MessagesBuffer.new(consumer.messages, @topic.name, lease.partition)
        end

        # @param key [Symbol]
        # @return [Object, nil]
        def [](key)
          case key
          when :messages_buffer then @buffer
          when :subscription_group then @topic.subscription_group
          else super
          end
        end

        private

        def to_payload
          group = @topic.subscription_group
          {
            caller: @caller, subscription_group: group, subscription_group_id: group.id, consumer_group: @topic.consumer_group,
            consumer_group_id: group.consumer_group_id, client_id: App.config.client_id, messages_buffer: @buffer, time: @time
          }
        end
      end

      # Tells subscribers that a batch has arrived.
      # @param outlet [Outlet]
      # @param consumer [BaseConsumer] that is about to process it
      # @param lease [Native::Lease]
      # @return [void]
      def self.received(outlet, consumer, lease)
        outlet.give(Received.new(consumer, lease)) if outlet.heard?(RECEIVED)
      end

      # @return [String, nil] nil: nothing came
      attr_reader :topic
      # @return [Integer, nil]
      attr_reader :partition

      # @param messages [Messages::Messages, nil] nil: nothing came
      # @param topic [String, nil]
      # @param partition [Integer, nil]
      def initialize(messages = nil, topic = nil, partition = nil)
        @messages = messages
        @topic = topic
        @partition = partition
      end

      # @yieldparam topic [String]
      # @yieldparam partition [Integer]
      # @yieldparam messages [Messages::Messages]
      # @return [Enumerator, self]
      def each
        return to_enum(:each) { empty? ? 0 : 1 } unless block_given?

        yield @topic, @partition, @messages unless empty?
        self
      end

      # @return [Integer] messages
      def size
        @messages ? @messages.size : 0
      end
      alias count size
      alias length size

      # @return [Boolean]
      def empty?
        size.zero?
      end

      # @return [Messages::BatchMetadata, nil]
      def metadata
        @messages&.metadata
      end
    end
  end
end
