# frozen_string_literal: true

module WaterDrop
  # Follows one message. Cheap, and free to be dropped: nothing depends on somebody waiting.
  class DeliveryHandle
    # @api private
    # @return [Karafka::Native::Delivery] shared by the messages of one call
    attr_reader :delivery
    # @api private
    # @return [Integer] which of them
    attr_reader :index

    # @param client [Client]
    # @param delivery [Karafka::Native::Delivery] of all messages of the call
    # @param index [Integer] which of them
    def initialize(client, delivery, index)
      @client = client
      @delivery = delivery
      @index = index
    end

    # @param client [Client]
    # @param delivery [Karafka::Native::Delivery]
    # @param messages [Array<Hash>] that were sent, in order
    # @param count [Integer] how many of them were taken
    # @return [Array<DeliveryHandle>]
    def self.all(client, delivery, messages, count = delivery.size)
      handles = Array.new(count) { |index| new(client, delivery, index) }
      handles.each_with_index { |handle, index| handle.label = messages[index][:label] } if delivery.labelled?
      handles
    end

    # The handle of a message that was sent alone: an object of the engine, with nothing in Ruby. Its `delivery` and `index`
    # come from there.
    class Single < self
      # Keeps none of them alive.
      CLIENTS = ObjectSpace::WeakMap.new
      private_constant :CLIENTS

      # @api private
      # @param client [Client]
      # @return [void]
      def self.serve(client)
        CLIENTS[client.native.serial] = client
      end

      # @api private
      # @param serial [Integer] of the native producer
      # @return [Client, nil] nil: it was collected
      def self.client_of(serial)
        CLIENTS[serial]
      end

      private

      def client
        CLIENTS[serial] || NoClient
      end
    end

    # In place of a client that was closed and collected: each report has come.
    module NoClient
      # @return [0]
      def self.max_wait_timeout = 0

      # @return [true]
      def self.wait(*) = true

      # @return [Hash] settings of librdkafka
      def self.kafka = {}

      # @return [nil]
      def self.trouble(*) = nil

      # @return [void]
      def self.on_delivery(delivery, index, label, block) = block.call(DeliveryReport.of(delivery, index, label) { kafka })
    end
    private_constant :NoClient
    Karafka::Native.single_handles = Single

    # Set only where there is one: an object with three variables needs no memory besides itself.
    # @param label [Object, nil]
    # @return [void]
    def label=(label)
      @label = label if label
    end

    # @return [Object, nil] what the message had as `label`
    def label
      @label if defined?(@label)
    end

    # Waits for the answer. Other threads run meanwhile.
    # @param max_wait_timeout_ms [Numeric, nil] nil: the producer's max_wait_timeout; -1: forever
    # @param max_wait_timeout [Numeric, nil] rdkafka's old name for it: seconds
    # @param raise_response_error [Boolean] raise where the message was not delivered
    # @return [DeliveryReport]
    # @raise [Errors::ProduceError] not delivered; or no answer in time (`cause` is a {Karafka::Errors::TimeoutError})
    # @raise [ArgumentError] nothing can wait so long
    def wait(max_wait_timeout_ms: nil, max_wait_timeout: nil, raise_response_error: true)
      max_wait_timeout_ms ||= WaitTime.of_seconds(max_wait_timeout) if max_wait_timeout
      WaitTime.check!(max_wait_timeout_ms) if max_wait_timeout_ms
      timeout = max_wait_timeout_ms || client.max_wait_timeout
      client.wait(delivery, index, timeout)
      answer(timeout, raise_response_error: raise_response_error)
    end

    # What a wait gives, once it is over.
    # @api private
    # @param timeout [Numeric] how long it was, ms
    # @param raise_response_error [Boolean]
    # @return [DeliveryReport]
    # @raise [Errors::ProduceError]
    def answer(timeout, raise_response_error: true)
      report = self.report
      raise_timed_out(timeout) unless report
      raise Errors::ProduceError, FailureText.of(report), cause: report.error if report.error && raise_response_error

      report
    end

    # Short: a console prints each handle, and behind it is a whole client.
    # @return [String]
    def inspect
      report = self.report or return "#<#{self.class} no answer yet>"
      "#<#{self.class} #{report.error ? report.error.message : "#{report.topic}/#{report.partition}@#{report.offset}"}>"
    end

    # @return [DeliveryReport, nil] nil: no answer yet
    def report
      DeliveryReport.of(delivery, index, label) { client.kafka }
    end
    alias create_result report

    # @return [Boolean] whether there is no answer yet
    def pending?
      delivery.report(index).nil?
    end

    # Calls the block once with the report: at once where it has come already, else from the producer's event thread.
    # @yieldparam report [DeliveryReport]
    # @return [self]
    def on_delivery(&block)
      raise ArgumentError, "on_delivery needs a block that takes the report" unless block

      client.on_delivery(delivery, index, label, block)
      self
    end

    # @return [String]
    def topic
      delivery.topic(index)
    end

    private

    attr_reader :client

    # Nobody has said anything of the message; what keeps the producer from its brokers is known mostly.
    def raise_timed_out(timeout)
      trouble = client.trouble(timeout)
      text = FailureText.because("no answer for a message to #{topic} within #{timeout} ms; it may still be delivered", trouble)
      begin
        raise Karafka::Errors::TimeoutError, text, cause: trouble
      rescue Karafka::Errors::TimeoutError => e
        raise Errors::ProduceError, text, cause: e
      end
    end
  end
end
