# frozen_string_literal: true

module Karafka
  module Testing
    # A consumer of a test, and what has arrived for it.
    class Inbox
      # @return [BaseConsumer]
      attr_reader :consumer
      # @return [Routing::Topic]
      attr_reader :topic
      # @return [Array<Messages::Message>] the next batch; may be changed
      attr_reader :messages

      # @param topic [Routing::Topic]
      def initialize(topic)
        @topic = topic
        @consumer = topic.consumer.new
        @messages = []
        @assignments = {}
        @transactions = SpecTransactions.new
        present
      end

      # @param name [String] in Kafka
      # @return [Boolean]
      def of?(name)
        @topic.subscription_name == name
      end

      # @param group [String, Symbol, nil]
      # @return [Boolean]
      def group?(group)
        group.nil? || [@topic.consumer_group.name, @topic.consumer_group.id].include?(group.to_s)
      end

      # @param sent [Hash{Symbol=>Object}] as the producer's client got it
      # @param offset [Integer, nil] nil: the number of messages so far
      # @return [void]
      def add(sent, offset)
        offset ||= @messages.size
        partition = [sent[:partition] || 0, 0].max
        @messages << Messages::Message.new(sent[:payload], metadata(sent, offset, partition))
        position = assignment(partition).position
        # As after a seek by somebody else.
        position.reset(offset) if position.cursor && offset < position.cursor
        rebuild
      end

      # @param partition [Integer]
      # @return [SpecAssignment]
      def assignment(partition = 0)
        @assignments[partition] ||= SpecAssignment.new(@consumer, @topic, partition, @transactions)
      end

      # @return [Array<SpecAssignment>]
      def assignments
        @assignments.values
      end

      private

      # In a server it comes with the first batch.
      def present
        first = assignment
        @consumer.extend(SpecConsumer)
        @consumer.client = SpecConsumerClient.new
        @consumer.coordinator = SpecCoordinator.new(@topic, 0, first.position)
        @consumer.karafka_assign(first)
        @consumer.karafka_lease = first.idle_lease(kind: :idle)
      end

      # Each batch is another one, with all that has come so far.
      def rebuild
        lease = assignment.idle_lease(kind: :idle)
        @consumer.karafka_lease = lease
        @consumer.messages = Messages::Messages.new(@messages, batch_metadata)
        @consumer.params = @messages.last unless @topic.batch_consuming
      end

      def metadata(sent, offset, partition)
        key = sent[:key]
        headers = (sent[:headers] || {}).to_h
        time = time(sent[:timestamp])
        Messages::Metadata.new(
          topic: @topic.name, partition: partition, offset: offset, key: key, raw_key: key, headers: headers, raw_headers: headers,
          timestamp: time, received_at: Time.now, deserializers: @topic.deserializers
        )
      end

      def time(given)
        case given
        when nil then Time.now
        when Numeric then Time.at(0, given, :millisecond)
        else given
        end
      end

      def batch_metadata
        offsets = @messages.map(&:offset)
        now = Time.now
        Messages::BatchMetadata.new(
          size: @messages.size, first_offset: offsets.first, last_offset: offsets.last, partition: @messages.last.partition,
          topic: @topic.name, deserializers: @topic.deserializers, created_at: @messages.last.timestamp, scheduled_at: now,
          processed_at: now, high_watermark: offsets.last + 1, bytesize: @messages.sum { |one| one.raw_payload.to_s.bytesize },
          attempt: @consumer.attempt
        )
      end
    end
  end
end
