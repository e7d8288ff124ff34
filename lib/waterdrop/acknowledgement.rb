# frozen_string_literal: true

module WaterDrop
  # Tells the monitor what became of a message. The same for the engine and for what stands in for it in tests.
  module Acknowledgement
    # What a purge reports for a message that was not sent, or not answered, by then.
    PURGED = %i[purge_queue purge_inflight].freeze
    DISPATCH_ERROR = "librdkafka.dispatch_error"

    # Messages that were delivered to one topic, as the engine reports them; or one that was not.
    class Rows
      # Values of a message: partition, offset, microseconds of latency, tag.
      SIZE = 4
      private_constant :SIZE

      # @return [String] of the producer
      attr_reader :producer_id
      # @return [Object]
      attr_reader :client

      # @param producer_id [String]
      # @param client [Object]
      # @param values [Array] the topic, then the values of each message; none for one that was not delivered
      def initialize(producer_id, client, values)
        @producer_id = producer_id
        @client = client
        @values = values
      end

      # @return [Boolean] whether it is one that was not delivered
      def failed? = @values.size == 1

      # @return [String]
      def topic = @values[0]

      # @param at [Integer] the message's place
      # @return [Integer]
      def partition(at) = @values[(at * SIZE) + 1]

      # @param at [Integer] the message's place
      # @return [Integer]
      def offset(at) = @values[(at * SIZE) + 2]

      # @param at [Integer] the message's place
      # @return [Integer] microseconds
      def latency_us(at) = @values[(at * SIZE) + 3]

      # @param at [Integer] the message's place
      # @return [Integer] what the client knows its delivery by
      def tag(at) = @values[(at * SIZE) + 4]
    end

    # The event of a message that was delivered, which is its own payload. There is one for each message, and subscribers mostly ask for
    # a field or two: the Hash is made for those that ask for all.
    class Delivered < Karafka::Instrumentation::Event
      NAME = "message.acknowledged"

      # @param rows [Rows]
      # @param at [Integer] the message's place among them
      def initialize(rows, at) # rubocop:disable Lint/MissingSuper -- there is no other payload
        @rows = rows
        @at = at
      end

      # @return [String]
      def id = NAME

      # @param key [Symbol]
      # @return [Object, nil]
      def [](key)
        case key
        when :offset then @rows.offset(@at)
        when :partition then @rows.partition(@at)
        when :topic then @rows.topic
        else payload[key]
        end
      end

      # @return [Hash{Symbol=>Object}]
      def to_hash = payload

      # @return [Hash{Symbol=>Object}]
      def merge(...) = payload.merge(...)

      private

      def to_payload
        report = DeliveryReport.new(@rows.partition(@at), @rows.offset(@at), @rows.topic, nil, nil, @rows.latency_us(@at))
        Acknowledgement.payload(@rows.producer_id, @rows.client, report)
      end
    end

    class << self
      # @param id [String] of the producer
      # @param caller [Object] the client
      # @param report [DeliveryReport]
      # @return [Hash{Symbol=>Object}] what all these events say
      def payload(id, caller, report)
        { producer_id: id, caller: caller, topic: report.topic, partition: report.partition, offset: report.offset,
          label: report.label, delivery_report: report }
      end

      # @param config [Config]
      # @param caller [Object] the client
      # @param report [DeliveryReport]
      # @return [Boolean] false: it is an error and nobody was told, as nobody listens
      def announce(config, caller, report)
        payload = payload(config.id, caller, report)
        events = events(config, report)
        # Also where nobody listens.
        Karafka::ErrorCounts.add(DISPATCH_ERROR) if events.key?("error.occurred")
        heard = events.select { |name, _| config.monitor.listening?(name) }
        heard.each { |name, more| config.monitor.instrument(name, payload.merge(more)) }
        heard.any? || !events.key?("error.occurred")
      end

      private

      # A purge is an error, too, but that of a transaction: there it is what an abort does.
      def events(config, report)
        return { "message.acknowledged" => {} } if report.error.nil?

        failed = { "error.occurred" => { error: report.error, type: DISPATCH_ERROR } }
        return failed unless PURGED.include?(report.error.code)

        purged = { "message.purged" => failed.fetch("error.occurred") }
        config.kafka.key?(:"transactional.id") ? purged : purged.merge(failed)
      end
    end
  end
  private_constant :Acknowledgement
end
