# frozen_string_literal: true

module Karafka
  module Testing
    module RSpec
      # Matchers about what a test has produced, marked and dead-lettered. Attributes may be matchers themselves.
      module Matchers
        # rubocop:disable Naming/PredicateName -- what RSpec's matchers are called

        # `expect(karafka).to have_produced(:receipts, key: "42").once`, or `expect { … }.to have_produced(:receipts)`.
        # @param topic [String, Symbol, nil] nil: any
        # @param attributes [Hash{Symbol=>Object}] payload, key, headers, …
        # @return [HaveProduced]
        def have_produced(topic = nil, **attributes)
          HaveProduced.new(self, topic, attributes)
        end

        # `expect(consumer).to have_marked(message)`: this one and those before it are marked as processed.
        # @param message [Messages::Message, Integer, nil] or an offset; nil: any
        # @return [Matcher]
        def have_marked(message = nil)
          Matcher.new(karafka, "mark #{Matchers.describe(message)}") do |session, consumer|
            [Checks.marked?(session, consumer, message), Checks.marks(session, consumer)]
          end
        end

        # `expect(consumer).to have_dead_lettered(message, error: KeyError)`.
        # @param message [Messages::Message, Integer, nil] or an offset; nil: any
        # @param attributes [Hash{Symbol=>Object}] reason, error (a class), and what {#have_produced} takes
        # @return [Matcher]
        def have_dead_lettered(message = nil, **attributes)
          with = " with #{attributes}" if attributes.any?
          Matcher.new(karafka, "dead-letter #{Matchers.describe(message)}#{with}") do |session, consumer|
            found = Checks.dead_letters(session, consumer, message, **attributes, &Matchers::SAME)
            [found.any?, Checks.list(session.produced_messages)]
          end
        end

        # rubocop:enable Naming/PredicateName

        SAME = ->(expected, actual) { ::RSpec::Support::FuzzyMatcher.values_match?(expected, actual) }

        # @api private
        # @return [String]
        def self.describe(message)
          message.nil? ? "a message" : "the message #{message.inspect}"
        end

        # One about a consumer.
        class Matcher
          include ::RSpec::Matchers::Composable

          # @return [String]
          attr_reader :description

          # @param session [Session]
          # @param description [String]
          # @yieldreturn [Array(Boolean, String)] whether it did, and what there is
          def initialize(session, description, &check)
            @session = session
            @description = description
            @check = check
          end

          # @param consumer [BaseConsumer]
          # @return [Boolean]
          def matches?(consumer)
            @consumer = consumer
            result, @instead = @check.call(@session, consumer)
            result
          end

          # @return [String]
          def failure_message
            "expected #{@consumer.inspect} to #{description}, but #{@instead}"
          end

          # @return [String]
          def failure_message_when_negated
            "expected #{@consumer.inspect} not to #{description}, but it did"
          end
        end

        # About what was sent.
        class HaveProduced
          include ::RSpec::Matchers::Composable

          # @param test [Helpers]
          # @param topic [String, Symbol, nil]
          # @param attributes [Hash{Symbol=>Object}]
          def initialize(test, topic, attributes)
            @test = test
            @topic = topic
            @attributes = attributes
          end

          # @param count [Integer]
          # @return [self]
          def times(count)
            @count = count
            self
          end
          alias exactly times

          # @return [self]
          def once = times(1)
          # @return [self]
          def twice = times(2)

          # @param actual [Session, Proc] a block: what it sends
          # @return [Boolean]
          def matches?(actual)
            session = actual.is_a?(Session) ? actual : @test.karafka
            before = 0
            if actual.is_a?(Proc)
              before = session.produced_messages.size
              actual.call
            end
            @sent = session.produced_messages.drop(before)
            @found = Checks.produced(@sent, @topic, @attributes, &SAME).size
            @count ? @found == @count : @found.positive?
          end

          # @return [Boolean]
          def supports_block_expectations?
            true
          end

          # @return [String]
          def description
            "produce #{"#{Amount.of(@count, "time")} " if @count}to #{@topic || "any topic"}#{" with #{@attributes}" if @attributes.any?}"
          end

          # @return [String]
          def failure_message
            "expected to #{description}, but #{"it was #{Amount.of(@found, "time")}; " if @count}#{Checks.list(@sent)}"
          end

          # @return [String]
          def failure_message_when_negated
            "expected not to #{description}, but #{Checks.list(@sent)}"
          end
        end
      end
    end
  end
end
