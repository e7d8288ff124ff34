# frozen_string_literal: true

require "json"

module Karafka
  module Testing
    # What matchers and assertions ask, and how they say what there is instead.
    module Checks
      class << self
        # @param messages [Array<Hash{Symbol=>Object}>] that were sent
        # @param topic [String, Symbol, nil] nil: any
        # @param attributes [Hash{Symbol=>Object}] what they have to be; `===` decides, and a payload of JSON is compared as data with
        #   a Hash or an Array
        # @return [Array<Hash{Symbol=>Object}>]
        def produced(messages, topic, attributes, &same)
          same ||= ->(expected, actual) { expected === actual } # rubocop:disable Style/CaseEquality -- Regexp, Range, Class
          names = topic && names(topic)
          messages.select do |message|
            (names.nil? || names.include?(message[:topic].to_s)) &&
              attributes.all? { |name, expected| matches?(name, expected, message[name], same) }
          end
        end

        # @param consumer [BaseConsumer]
        # @param message [Messages::Message, Integer, nil] or an offset; nil: any
        # @return [Boolean]
        def marked?(session, consumer, message)
          positions = session.inbox(consumer).assignments.map(&:position)
          return positions.any? { |position| position.marked.any? } if message.nil?

          positions.any? { |position| position.unmarked && position.marked.any? { |offset| offset >= offset_of(message) } }
        end

        # @return [Array<Hash{Symbol=>Object}>] dead letters of that consumer
        # @param message [Messages::Message, Integer, nil] or an offset; nil: any
        def dead_letters(session, consumer, message, **attributes, &)
          topic = session.inbox(consumer).topic
          found = produced(session.produced_messages, topic.dead_letter_queue.kafka_topic || "", attributes.except(:reason, :error), &)
          found.select do |sent|
            headers = sent[:headers] || {}
            headers["source_reason"] && [topic.name, topic.subscription_name].include?(origin(topic, headers)) &&
              (message.nil? || headers["source_offset"].to_i == offset_of(message)) && because?(headers,
                                                                                                **attributes.slice(:reason, :error))
          end
        end

        # @param messages [Array<Hash{Symbol=>Object}>]
        # @return [String]
        def list(messages)
          return "nothing was sent" if messages.empty?

          "these were sent:\n#{messages.map { |message| "  #{message.compact.inspect}" }.join("\n")}"
        end

        # @return [String]
        def marks(session, consumer)
          marked = session.inbox(consumer).assignments.flat_map { |one| one.position.marked }
          marked.empty? ? "nothing was marked" : "marked were the offsets #{marked.join(", ")}"
        end

        private

        # In the routes it may have another name than in Kafka.
        def names(topic)
          mapper = App.config.topic_mapper
          [topic.to_s, *(mapper.outgoing(topic.to_s).to_s if mapper)]
        end

        # A stage of `retry_topics` says where the message was first.
        def origin(topic, headers)
          topic.is_a?(Routing::RetryTopic) ? topic.name : headers["source_topic"]
        end

        def because?(headers, reason: nil, error: nil)
          (reason.nil? || headers["source_reason"] == reason.to_s) &&
            (error.nil? || headers["source_error_class"] == (error.is_a?(Module) ? error.name : error.to_s))
        end

        def offset_of(message)
          message.respond_to?(:offset) ? message.offset : Integer(message)
        end

        def matches?(name, expected, actual, same)
          (name == :payload && data?(expected, actual, same)) || same.call(expected, actual)
        rescue TypeError, NoMethodError
          # A matcher of data that was given bytes.
          false
        end

        def data?(expected, actual, same)
          actual.is_a?(String) && ![String, Regexp].include?(expected.class) && same.call(data(expected), JSON.parse(actual))
        rescue JSON::ParserError
          false
        end

        # With names as JSON has them.
        def data(expected)
          case expected
          when Hash then expected.to_h { |name, value| [name.is_a?(Symbol) ? name.to_s : name, data(value)] }
          when Array then expected.map { |value| data(value) }
          else expected
          end
        end
      end
    end
  end
end
