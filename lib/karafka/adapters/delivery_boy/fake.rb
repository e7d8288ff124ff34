# frozen_string_literal: true

module DeliveryBoy
  # Keeps messages in memory, for tests.
  class Fake
    # A message that was sent.
    FakeMessage = Struct.new(:value, :topic, :key, :headers, :offset, :partition, :partition_key, :create_time) do # rubocop:disable Lint/StructNewOverride -- Kafka's name
      # @return [Integer] of key and value, bytes
      def bytesize = key.to_s.bytesize + value.to_s.bytesize
    end

    def initialize
      @lock = Mutex.new
      @messages = Hash.new { |found, topic| found[topic] = [] }
      @buffer = []
    end

    # @return [nil]
    def deliver(value, topic:, key: nil, headers: {}, partition: nil, partition_key: nil, create_time: Time.now)
      @lock.synchronize { store(FakeMessage.new(value, topic.to_s, key, headers, nil, partition, partition_key, create_time)) }
      nil
    end
    alias deliver_async! deliver

    # @return [nil]
    def produce(value, topic:, key: nil, headers: {}, partition: nil, partition_key: nil, create_time: Time.now)
      message = FakeMessage.new(value, topic.to_s, key, headers, nil, partition, partition_key, create_time)
      @lock.synchronize { @buffer << message }
      nil
    end

    # @return [nil]
    def deliver_messages
      @lock.synchronize do
        @buffer.each { |message| store(message) }
        @buffer.clear
      end
      nil
    end

    # @return [nil]
    def clear_buffer
      @lock.synchronize { @buffer.clear }
      nil
    end

    # @return [Integer]
    def buffer_size = @lock.synchronize { @buffer.size }

    # Forgets all messages.
    # @return [nil]
    def clear
      @lock.synchronize { [@messages, @buffer].each(&:clear) }
      nil
    end
    alias shutdown clear

    # @param topic [#to_s]
    # @return [Array<FakeMessage>] in the order in which they were sent
    def messages_for(topic) = @lock.synchronize { @messages.key?(topic.to_s) ? @messages[topic.to_s].dup : [] }

    private

    def store(message)
      message.offset = @messages[message.topic].size
      @messages[message.topic] << message
    end
  end
end
