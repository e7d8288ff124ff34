# frozen_string_literal: true

module Karafka
  module Testing
    module Minitest
      # Assertions about what a test has produced, marked and dead-lettered.
      module Assertions
        # rubocop:disable Naming/BlockForwarding -- Ruby 3.1 does not parse it behind keywords

        # @param topic [String, Symbol, nil] nil: any
        # @param times [Integer, nil] nil: at least once
        # @param attributes [Hash{Symbol=>Object}] payload, key, headers, …; compared with `===`, a payload of JSON also as data
        # @yield with a block only what that sends counts
        # @return [Array<Hash{Symbol=>Object}>] the messages
        def assert_produced(topic = nil, times: nil, **attributes, &block)
          sent = karafka_sent(&block)
          found = Checks.produced(sent, topic, attributes)
          assert(times ? found.size == times : found.any?, proc do
            "Expected #{times || "at least 1"} message(s) to #{topic || "any topic"} with #{attributes}, but #{Checks.list(sent)}"
          end)
          found
        end

        # @see #assert_produced
        # @return [void]
        def refute_produced(topic = nil, **attributes, &block)
          sent = karafka_sent(&block)
          assert_empty(Checks.produced(sent, topic, attributes), "Expected no message to #{topic || "any topic"} with #{attributes}")
        end

        # rubocop:enable Naming/BlockForwarding

        # @param consumer [BaseConsumer]
        # @param message [Messages::Message, Integer, nil] or an offset; nil: any
        # @return [void]
        def assert_marked(consumer, message = nil)
          assert(Checks.marked?(karafka, consumer, message), proc do
            "Expected #{message.inspect} to be marked, but #{Checks.marks(karafka, consumer)}"
          end)
        end

        # @see #assert_marked
        # @return [void]
        def refute_marked(consumer, message = nil)
          refute(Checks.marked?(karafka, consumer, message), proc do
            "Expected #{message.inspect} not to be marked, but #{Checks.marks(karafka, consumer)}"
          end)
        end

        # @param consumer [BaseConsumer]
        # @param message [Messages::Message, Integer, nil] or an offset; nil: any
        # @param attributes [Hash{Symbol=>Object}] reason, error (a class), and what {#assert_produced} takes
        # @return [Array<Hash{Symbol=>Object}>] the dead letters
        def assert_dead_lettered(consumer, message = nil, **attributes)
          found = Checks.dead_letters(karafka, consumer, message, **attributes)
          assert(found.any?, proc do
            "Expected #{message.inspect} to be dead-lettered with #{attributes}, but #{Checks.list(karafka.produced_messages)}"
          end)
          found
        end

        # @see #assert_dead_lettered
        # @return [void]
        def refute_dead_lettered(consumer, message = nil, **attributes)
          found = Checks.dead_letters(karafka, consumer, message, **attributes)
          refute(found.any?, proc { "Expected no dead letter of #{consumer.inspect}, but #{Checks.list(found)}" })
        end

        private

        def karafka_sent
          before = block_given? ? karafka.produced_messages.size : 0
          yield if block_given?
          karafka.produced_messages.drop(before)
        end
      end
    end
  end
end
