# frozen_string_literal: true

module Karafka
  class Admin
    # Messages of topics for scripts: without a group, so that nobody else is disturbed and nothing is committed. Messages come in the
    # order of the offsets within each partition, with the deserializers of the routes.
    #
    #   iterator = Karafka::Admin::Iterator.new("orders", from: -100)
    #   iterator.each { |message| puts message.raw_payload }
    class Iterator
      include Enumerable

      # What is taken from the engine at once.
      MAX_MESSAGES = 1_000
      private_constant :MAX_MESSAGES

      # @param topics [String, Symbol, Array<String, Symbol>]
      # @param from [Symbol, Integer, Time, Hash{Integer=>Object}] :earliest, :latest, an offset, that many last messages (a negative
      #   number), a Time; or one of these for each partition
      # @param to [Symbol, Integer, Time, nil, Hash{Integer=>Object}] where it ends: :latest (the end as it is now), before that offset or
      #   time; nil: it waits for more at the end, until {#stop}; or one of these for each partition
      # @param partitions [Array<Integer>, nil] nil: all
      # @param only [Hash{Symbol=>Object}] `key`, `header` and `json`, as `only` of a topic has them
      # @param key [Object] the same as `only: { key: … }`
      # @param kafka [Hash{Symbol, String=>Object}] as {Admin#initialize}
      # @param max_messages [Integer] what is taken from the engine at once
      # @raise [Errors::InvalidConfigurationError]
      def initialize(topics, from: :earliest, to: :latest, partitions: nil, only: {}, kafka: {}, max_messages: MAX_MESSAGES,
                     connection: Connection.new(kafka), **key)
        @connection = connection
        @ranges = Ranges.new(topics, from: from, to: to, partitions: partitions)
        @max_messages = Arguments.count("max_messages", max_messages)
        @only = filter(only, key)
        @stopped = false
      end

      # @yieldparam message [Messages::Message]
      # @return [self, Enumerator] without a block an Enumerator that reads as it is asked
      # @raise [Errors::KafkaError] `code` is :unknown_topic_or_part, :timed_out (brokers do not answer), …
      def each(&block)
        return to_enum(:each) unless block

        each_batch { |batch| pass_on(batch, &block) }
      end

      # Batches as they come from the engine, each of one partition.
      # @api private
      # @yieldparam batch [Native::ReadBatch]
      # @return [self]
      # @raise [Errors::KafkaError]
      def each_batch
        @stopped = false
        reader = @reader = open
        while !@stopped && (batch = reader.next_batch)
          yield batch
        end
        self
      ensure
        reader&.close
      end

      # What {#each} would read if it began now.
      # @return [Hash{String=>Hash{Integer=>Array(Integer, Integer)}}] by topic and partition the first offset, and the one behind the last;
      #   nil instead of that one: it goes on at the end
      # @raise [Errors::KafkaError]
      def ranges
        places.each_with_object({}) { |place, found| (found[place[:topic]] ||= {})[place[:partition]] = place.values_at(:from, :to) }
      end

      # Ends {#each} before the next message. May be called in its block, from another thread or a trap.
      # @return [void]
      def stop
        @stopped = true
        @reader&.stop
      end

      private

      def pass_on(batch)
        decoders = decoders(batch.topic)
        index = 0
        size = batch.size
        while index < size
          return if @stopped

          yield Messages::Message.over(batch, index, decoders)
          index += 1
        end
      end

      def places
        @connection.session { |session| @ranges.places(session, committed_only: @connection.reads_committed?) }
      end

      def open
        Native::Reader.new(kafka: @connection.consumer, places: places, max_messages: @max_messages, only: @only&.to_h,
                           limit_ms: (@connection.max_wait_time if @ranges.bounded?))
      end

      def filter(only, key)
        unknown = key.keys - [:key]
        raise ArgumentError, "unknown keyword: #{unknown.first.inspect}" if unknown.any?

        conditions = only.merge(key)
        Routing::Filter.new("only", conditions) unless conditions.empty?
      end

      def decoders(topic)
        @decoders ||= {}
        @decoders.fetch(topic) do
          route = App.routes.topics.find { |candidate| candidate.matches?(topic) }
          mapped = App.config.topic_mapper&.incoming(topic)&.to_s || topic
          @decoders[topic] = route && Messages::Decoders.of(route.for(mapped), topic, mapped)
        end
      end
    end
  end
end
