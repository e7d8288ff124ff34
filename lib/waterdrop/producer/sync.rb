# frozen_string_literal: true

module WaterDrop
  class Producer
    # Sending and waiting for the answer.
    module Sync
      MOST_NAMED = 20
      # The engine waits this long to hear how many partitions a topic has. A call that may wait for less asks before. Ms.
      COUNTING = 5_000
      private_constant :MOST_NAMED, :COUNTING

      # @param message [Hash]
      # @param max_wait_timeout_ms [Numeric, nil] nil: the producer's max_wait_timeout; -1: forever
      # @return [DeliveryReport]
      # @raise [Errors::MessageInvalidError] nothing was sent
      # @raise [Errors::ProduceError] not taken, not delivered, or no answer within max_wait_timeout
      # @raise [ArgumentError] nothing can wait so long; nothing was sent
      def produce_sync(message, max_wait_timeout_ms = nil)
        WaitTime.check!(max_wait_timeout_ms) if max_wait_timeout_ms
        ready!
        message = @middleware.run(message) unless @middleware.empty?
        instrument("message.produced_sync", :message, message) do
          left = counted([message], max_wait_timeout_ms) { |text, cause| raise Errors::ProduceError, text, cause: cause }
          dispatch(message).wait(max_wait_timeout_ms: left)
        end
      rescue Errors::ProduceError => e
        report_raised(e, "message.produce_sync", message: message)
        raise
      end

      # @param messages [Enumerable<Hash>]
      # @param max_wait_timeout_ms [Numeric, nil] nil: the producer's max_wait_timeout; -1: forever
      # @return [Array<DeliveryHandle>] all delivered
      # @raise [Errors::MessageInvalidError] nothing was sent
      # @raise [Errors::ProduceManyError] `dispatched` has the handles of those that were handed over
      def produce_many_sync(messages, max_wait_timeout_ms = nil)
        WaitTime.check!(max_wait_timeout_ms)
        ready!
        messages = @middleware.run_many(messages)
        instrument("messages.produced_sync", :messages, messages) do
          left = counted(messages, max_wait_timeout_ms) { |text, cause| raise Errors::ProduceManyError.new(text, []), cause: cause }
          wait_for_all(dispatch_many(messages), left)
        end
      rescue Errors::ProduceError => e
        report_raised(e, "messages.produce_many_sync", messages: messages)
        raise
      end

      protected

      # Looks at single reports only where something went wrong.
      def wait_for_all(handles, timeout_ms)
        return handles if handles.empty?

        delivery = handles.first.delivery
        timeout_ms ||= @config.max_wait_timeout
        current_client.wait(delivery, nil, timeout_ms)
        failed = delivery.first_failure
        return handles unless failed

        begin
          handles[failed].answer(timeout_ms)
        rescue Errors::ProduceError => e
          text = "message #{failed} of #{handles.size}: #{e.message}#{also(delivery.more_failures(failed))}"
          raise Errors::ProduceManyError.new(text, handles), cause: e.cause
        end
        handles
      end

      private

      # @param messages [Enumerable<Hash>]
      # @param timeout_ms [Numeric, nil] how long the call may wait
      # @yieldparam text [String] the partitions cannot be counted in that time
      # @yieldparam cause [Karafka::Errors::KafkaError]
      # @return [Numeric, nil] what is left of it
      def counted(messages, timeout_ms, &)
        limit = timeout_ms || @config.max_wait_timeout
        return timeout_ms unless limit.between?(0, COUNTING) && !@stubbed

        keyed = messages.select { |message| keyed?(message) }
        deadline = Karafka::Clock.now_ms + limit
        left = -> { [deadline - Karafka::Clock.now_ms, 0].max }
        keyed.map { |message| message[:topic].to_s }.uniq.each { |topic| count(topic, left.call, limit, &) }
        keyed.empty? ? timeout_ms : left.call
      end

      def keyed?(message)
        message.is_a?(Hash) && message[:partition_key] && message[:partition].nil?
      end

      # Whatever else is wrong with it is reported where it is sent.
      def count(topic, left, limit)
        with_client { |client| client.partition_count(topic, left) }
      rescue Karafka::Errors::KafkaError => e
        return unless FailureText.outage?(e.code)

        trouble = current_client.trouble(0)
        text = "nothing was sent: the number of partitions of #{topic}, where a partition_key chooses, is not known within #{limit} ms " \
               "(#{e.code})"
        yield FailureText.because(text, trouble), trouble || e
      end

      # @param indexes [Array<Integer>]
      # @return [String] the first of them
      def also(indexes)
        indexes.empty? ? "" : "; also #{Karafka::NameList.short(indexes, MOST_NAMED)}"
      end
    end
  end
end
