# frozen_string_literal: true

# Since Active Support 7 the second one does not load without the first.
require "active_support"
require "active_support/notifications"

module Kafka
  # What the events of ruby-kafka say as numbers: once for all three backends.
  # @api private
  module Metrics
    # A number: `kind` is :count, :gauge, :time (milliseconds) or :size; `area` consumer, producer or async_producer.
    Measurement = Struct.new(:kind, :area, :name, :value, :tags)

    CONSUMER = %i[client_id group_id topic partition].freeze
    GROUP = %i[client_id group_id].freeze
    TOPIC = %i[client_id topic].freeze
    CLIENT = %i[client_id].freeze
    private_constant :CONSUMER, :GROUP, :TOPIC, :CLIENT

    module_function

    # @yieldparam measurement [Measurement]
    # @return [Object] of ActiveSupport::Notifications, to be unsubscribed
    def subscribe(&)
      ActiveSupport::Notifications.subscribe(/\.(consumer|producer|async_producer)\.kafka\z/) do |name, started, finished, _, payload|
        of(name, (finished - started) * 1_000, payload).each(&)
      end
    end

    # @return [Array<Measurement>]
    def of(name, milliseconds, payload)
      event, area, = name.split(".")
      rows = public_send(area, event, milliseconds, payload, payload.key?(:exception)) || []
      rows.map { |kind, metric, value, tags| Measurement.new(kind, area, metric, value, payload.slice(*tags)) }
    end

    def consumer(event, milliseconds, payload, failed)
      case event
      when "process_message" then message(milliseconds, payload, failed)
      when "process_batch" then batch(milliseconds, payload, failed)
      when "fetch_batch" then [[:gauge, "lag", payload[:offset_lag], CONSUMER], [:count, "batch_size", payload[:message_count], CONSUMER]]
      when "join_group", "sync_group", "leave_group"
        [failed ? [:count, "#{event}.errors", 1, GROUP] : [:time, event, milliseconds, GROUP]]
      when "pause_status" then [[:gauge, "pause.duration", payload[:duration], CONSUMER]]
      end
    end

    def message(milliseconds, payload, failed)
      lag = [:gauge, "lag", payload[:offset_lag], CONSUMER]
      age = payload[:create_time] && [:gauge, "time_lag", ((Time.now - payload[:create_time]) * 1_000).to_i, CONSUMER]
      return [[:count, "process_message.errors", 1, CONSUMER], lag, age].compact if failed

      [[:time, "process_message.latency", milliseconds, CONSUMER], [:count, "messages", 1, CONSUMER], lag, age].compact
    end

    def batch(milliseconds, payload, failed)
      return [[:count, "process_batch.errors", 1, CONSUMER]] if failed

      [[:time, "process_batch.latency", milliseconds, CONSUMER], [:count, "messages", payload[:message_count], CONSUMER]]
    end

    def producer(event, milliseconds, payload, failed)
      case event
      when "produce_message" then produced(payload)
      when "buffer_overflow" then [[:count, "produce.errors", 1, TOPIC]]
      when "deliver_messages" then delivered(milliseconds, payload, failed)
      when "ack_message" then [[:count, "ack.messages", 1, TOPIC], [:time, "ack.delay", payload[:delay] * 1_000, TOPIC]]
      when "topic_error" then [[:count, "ack.errors", 1, TOPIC]]
      end
    end

    def produced(payload)
      ratio = payload[:buffer_size].fdiv(payload[:max_buffer_size])
      [[:count, "produce.messages", 1, TOPIC], [:size, "produce.message_size", payload[:message_size], TOPIC],
       [:gauge, "buffer.size", payload[:buffer_size], CLIENT], [:gauge, "buffer.fill_ratio", ratio, CLIENT],
       [:gauge, "buffer.fill_percentage", ratio * 100, CLIENT]]
    end

    def delivered(milliseconds, payload, failed)
      rows = [[:time, "deliver.latency", milliseconds, CLIENT], [:size, "deliver.attempts", payload[:attempts], CLIENT],
              [:count, "deliver.messages", payload[:delivered_message_count].to_i, CLIENT]]
      failed ? [*rows, [:count, "deliver.errors", 1, CLIENT]] : rows
    end

    def async_producer(event, _milliseconds, payload, _failed)
      case event
      when "enqueue_message"
        [[:gauge, "queue.size", payload[:queue_size], TOPIC],
         [:gauge, "queue.fill_ratio", payload[:queue_size].fdiv(payload[:max_queue_size]), TOPIC]]
      when "buffer_overflow" then [[:count, "produce.errors", 1, TOPIC]]
      when "drop_messages" then [[:count, "dropped_messages", payload[:message_count], CLIENT]]
      end
    end
  end
  private_constant :Metrics
end
