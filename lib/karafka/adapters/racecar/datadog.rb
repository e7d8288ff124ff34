# frozen_string_literal: true

begin
  require "datadog/statsd"
rescue LoadError
  raise LoadError, "racecar/datadog needs the gem dogstatsd-ruby: add `gem \"dogstatsd-ruby\"` to the Gemfile"
end
begin
  require "active_support"
  require "active_support/subscriber"
rescue LoadError
  raise LoadError, "racecar/datadog needs the gem activesupport: add `gem \"activesupport\"` to the Gemfile"
end

module Racecar
  # Metrics for Datadog: `racecar.consumer.messages` and others, as racecar's dashboard reads them.
  module Datadog
    NAMESPACE = "racecar"

    class << self
      # @return [String, nil]
      attr_accessor :host
      # @return [Integer, nil]
      attr_accessor :port
      # @return [String, nil]
      attr_accessor :socket_path

      attr_writer :namespace, :tags

      # @yieldparam datadog [Datadog] `host`, `port`, `socket_path`, `namespace`, `tags`
      # @return [void]
      def configure
        yield self
        @statsd = nil
      end

      # @return [Datadog::Statsd]
      def statsd
        @statsd ||= ::Datadog::Statsd.new(@host, @port, **{ socket_path: @socket_path, namespace: namespace, tags: tags }.compact)
      end

      # @param client [#increment, #count, #timing, #gauge, #histogram]
      attr_writer :statsd

      # @return [String]
      def namespace = @namespace || NAMESPACE

      # @return [Array<String>]
      def tags = @tags || []

      # Sends what is left.
      # @return [void]
      def close
        @statsd&.close
        @statsd = nil
      end
    end

    # What both have.
    class Subscriber < ::ActiveSupport::Subscriber
      private

      %i[increment count timing gauge histogram].each do |kind|
        define_method(kind) do |name, *values, tags: {}|
          Datadog.statsd.public_send(kind, name, *values, tags: tags.compact.map { |key, value| "#{key}:#{value}" })
        end
      end

      def tags_of(payload)
        { client: payload[:client_id], group_id: payload[:group_id], topic: payload[:topic], partition: payload[:partition] }
      end
    end

    # Of consuming.
    class ConsumerSubscriber < Subscriber
      # @return [void]
      def process_message(event)
        payload = event.payload
        tags = tags_of(payload)
        return increment("consumer.process_message.errors", tags: tags) if payload.key?(:exception)

        timing("consumer.process_message.latency", event.duration, tags: tags)
        increment("consumer.messages", tags: tags)
        place(payload[:offset], payload[:create_time], tags)
      end

      # @return [void]
      def process_batch(event)
        payload = event.payload
        tags = tags_of(payload)
        return increment("consumer.process_batch.errors", tags: tags) if payload.key?(:exception)

        timing("consumer.process_batch.latency", event.duration, tags: tags)
        histogram("consumer.batch_size", payload[:message_count], tags: tags)
        count("consumer.messages", payload[:message_count], tags: tags)
        place(payload[:last_offset], payload[:last_create_time], tags)
      end

      # @return [void]
      def join_group(event)
        membership("consumer.join_group", event)
      end

      # @return [void]
      def leave_group(event)
        membership("consumer.leave_group", event)
      end

      # @return [void]
      def pause_status(event)
        gauge("consumer.pause.duration", event.payload[:duration], tags: tags_of(event.payload))
      end

      attach_to :racecar

      private

      def place(offset, create_time, tags)
        gauge("consumer.offset", offset, tags: tags)
        gauge("consumer.time_lag", [((Time.now - create_time) * 1_000).round, 0].max, tags: tags) if create_time
      end

      def membership(name, event)
        tags = tags_of(event.payload)
        timing(name, event.duration, tags: tags)
        increment("#{name}.errors", tags: tags) if event.payload.key?(:exception)
        increment("#{name}.count", tags: tags)
      end
    end

    # Of producing.
    class ProducerSubscriber < Subscriber
      # @return [void]
      def produce_message(event)
        payload = event.payload
        tags = { client: payload[:client_id], topic: payload[:topic] }
        increment("producer.produce.messages", tags: tags)
        histogram("producer.produce.message_size", payload[:message_size], tags: tags)
        count("producer.produce.message_size.sum", payload[:message_size], tags: tags)
        histogram("producer.buffer.size", payload[:buffer_size], tags: tags)
      end

      # @return [void]
      def deliver_messages(event)
        tags = { client: event.payload[:client_id] }
        increment("producer.deliver.errors", tags: tags) if event.payload.key?(:exception)
        timing("producer.deliver.latency", event.duration, tags: tags)
        count("producer.deliver.messages", event.payload[:delivered_message_count], tags: tags)
      end

      # @return [void]
      def acknowledged_message(event)
        increment("producer.ack.messages", tags: { client: event.payload[:client_id] })
      end

      # @return [void]
      def produce_delivery_error(event)
        increment("producer.produce.delivery_errors", tags: { client: event.payload[:client_id], topic: event.payload[:topic] })
      end

      attach_to :racecar
    end
  end
end
