# frozen_string_literal: true

module Karafka
  # Every error of this gem. Loaded before the extension, which raises these classes.
  module Errors
    # Common ancestor: `rescue Karafka::Errors::BaseError` gets all of them.
    class BaseError < StandardError; end

    # A setting, a route or an option that cannot work. The message names the setting, its value, what is allowed and,
    # where there is one, the nearest valid name. Raised before any connection is made.
    class InvalidConfigurationError < BaseError; end

    # A call or a setting of Karafka's surface that this version does not have yet. Nothing is accepted and ignored.
    class UnsupportedFeatureError < BaseError
      # @param feature [String, Symbol] what was called, as the user wrote it
      # @param hint [String, nil] what to do instead
      # @return [UnsupportedFeatureError]
      def self.for(feature, hint = nil)
        new(["#{feature} is not supported yet in karafka-rs #{VERSION}.", hint].compact.join(" "))
      end
    end

    # A consumer that no server runs, such as one that a test made with `new`, was asked for its topic or partition, or to
    # mark, seek, pause or commit.
    class UnassignedConsumerError < BaseError
      # @param consumer [BaseConsumer]
      # @param locations [Array<Thread::Backtrace::Location>] the methods on the way here, the innermost first
      # @return [UnassignedConsumerError]
      def self.for(consumer, locations)
        own = locations.take_while { |location| location.absolute_path.to_s.start_with?(File.dirname(__dir__)) }
        called = (own.last || locations.first).base_label
        new("`#{called}` of #{consumer.class} works only where the consumer has a partition. In a test build it with " \
            "`karafka.consumer_for(:topic)` of the testing kit: require \"karafka/testing/rspec/helpers\" " \
            "(or karafka/testing/minitest/helpers) and include it.")
      end
    end

    # The gems karafka or waterdrop are active in the same process.
    class ConflictingGemError < BaseError; end

    # The compiled extension could not be loaded.
    class ExtensionMissingError < BaseError; end

    # A command of the CLI was used in a way that cannot work; the message says what to do.
    class CommandError < BaseError; end

    # `karafka.rb` (or KARAFKA_BOOT_FILE) does not exist.
    class MissingBootFileError < CommandError; end

    # Something that Kafka, or librdkafka on its behalf, refused or failed to do.
    class KafkaError < BaseError
      # @return [Symbol] librdkafka's name of the error, such as :unknown_topic_or_part
      attr_reader :code
      # @return [String, nil]
      attr_reader :topic
      # @return [Integer, nil]
      attr_reader :partition

      # @param message [String, Integer, nil] an Integer is a code of librdkafka's or a broker's, as the gem rdkafka takes it
      # @param code [Symbol, String]
      # @param fatal [Boolean] the client that raised it can do nothing more
      # @param retryable [Boolean] the same call may work later
      # @param abortable [Boolean] its transaction can only be aborted; the client is fine
      # @param topic [String, nil]
      # @param partition [Integer, nil]
      def initialize(message = nil, code: :unknown, fatal: false, retryable: false, abortable: false, topic: nil, partition: nil)
        message, code, fatal, retryable = known(message) if message.is_a?(Integer)
        @code = code.to_sym
        @fatal = fatal
        @retryable = retryable
        @abortable = abortable
        @topic = topic
        @partition = partition
        super(message || "Kafka error #{@code}")
      end

      # @api private
      # @param cause [KafkaError] what went wrong meanwhile
      # @return [KafkaError] the same with that `cause`
      def because(cause)
        raise self, message, [], cause: cause
      rescue KafkaError => e
        e
      end

      # @return [Boolean] whether the client that raised it is beyond use
      def fatal?
        @fatal
      end

      # @return [Boolean] whether the same call may work later
      def retryable?
        @retryable
      end

      # @return [Boolean] whether it ends a transaction and nothing else
      def abortable?
        @abortable
      end

      private

      def known(number)
        code, message, fatal, retryable = Native.kafka_error(number)
        [message, code, fatal, retryable]
      end
    end

    # A payload, key or header that its deserializer could not read. `cause` is what the deserializer raised;
    # the raw bytes stay readable on the message.
    class DeserializationError < BaseError
      # @return [String, nil]
      attr_reader :topic
      # @return [Integer, nil]
      attr_reader :partition, :offset

      # @param message [String, nil]
      # @param topic [String, nil]
      # @param partition [Integer, nil]
      # @param offset [Integer, nil]
      def initialize(message = nil, topic: nil, partition: nil, offset: nil)
        @topic = topic
        @partition = partition
        @offset = offset
        super(message || "cannot decode message #{topic}/#{partition}@#{offset}")
      end
    end

    # The payload, the key or the headers of a message were read after `clean!`.
    class MessageCleanedError < BaseError; end

    # Data that a serializer could not make bytes of. `cause` is what it raised.
    class SerializationError < BaseError; end

    # A responder did not do what it declares. Nothing was sent.
    class InvalidResponderUsageError < BaseError; end

    # It responds to a topic that it does not declare.
    class UnregisteredTopicError < InvalidResponderUsageError; end

    # It used a topic more than once in one call that is not declared with `multiple_usage: true`.
    class TopicMultipleUsageError < InvalidResponderUsageError; end

    # It did not use a topic that is `required`.
    class UnusedResponderRequiredTopicError < InvalidResponderUsageError; end

    # `respond_to` was given an option that there is not, or a value that cannot be sent. Nothing was sent.
    class InvalidResponderMessageOptionsError < BaseError; end

    # More messages went to a dead letter queue than its limit allows, so the partition was paused (`stop_after`).
    class DeadLetterLimitError < BaseError; end

    # A message cannot go to its dead letter queue or retry topic, because that or the producer takes no message so large.
    class DeadLetterTooLargeError < BaseError; end

    # The engine did not do what it was asked.
    class EngineError < BaseError; end

    # A bug of ours: the engine stopped itself rather than going on with a wrong state.
    class InternalError < EngineError; end

    # The engine did not answer within the time it was given.
    class TimeoutError < EngineError; end

    # Used after it was closed.
    class ClosedError < EngineError; end

    # A client of the parent process was used in a forked child; the child has to make its own.
    class ForkedError < EngineError; end

    # A batch takes longer than `long_running_limit`: the process leaves its group meanwhile. `code` is :max_poll_exceeded, as
    # librdkafka has it for a client that does not poll.
    class LongRunningLimitError < KafkaError
      # @param message [String, nil]
      def initialize(message = nil, code: :max_poll_exceeded, **rest)
        super
      end
    end

    # A group was to be changed whose members would not notice, and commit over the change. Nothing was changed.
    class ActiveGroupError < KafkaError
      # @return [Admin::Group, nil]
      attr_reader :group
      # @return [Integer, nil] for so many seconds Kafka takes a process that was killed for a member, at most
      attr_reader :seconds

      # @param group [Admin::Group]
      # @param seconds [Integer]
      # @return [ActiveGroupError]
      def self.for(group, seconds)
        count = group.members.size
        new("group #{group.id} has #{count} member#{"s" if count > 1}, which would not notice the change: #{group.members.join(", ")}. " \
            "Stop #{count > 1 ? "them" : "it"} first. Kafka takes a process that was killed for a member for up to #{seconds} s; " \
            "`wait: #{seconds}`, or --wait #{seconds} of a command, waits that long", group: group, seconds: seconds)
      end

      # @param message [String, nil]
      # @param group [Admin::Group, nil]
      # @param seconds [Integer, nil]
      def initialize(message = nil, code: :non_empty_group, group: nil, seconds: nil, **rest)
        @group = group
        @seconds = seconds
        super(message, code: code, **rest)
      end
    end

    # The partition that a transaction has marked belongs to another process by now. The transaction was aborted.
    class AssignmentLostError < BaseError; end

    # A transaction had no answer to its commit and turned out to be committed: what comes behind it is delivered next.
    class RedeliveredError < BaseError; end

    # Work was still running when `shutdown_timeout` had passed; the process exits with status 2.
    class ForcefulShutdownError < BaseError; end

    # A broker wants a token and there is none: the provider refused or cannot be reached, or the listener gave none.
    class TokenError < BaseError; end

    # A name was given to the monitor that no event has.
    class EventNotRegisteredError < BaseError; end

    # There is no topic of that name.
    class TopicNotFoundError < BaseError; end

    # A message arrived on a topic no route declares.
    class NonMatchingRouteError < BaseError; end

    # `backend :sidekiq` needs a worker for a consumer, and the application has no class that inherits from {BaseWorker}.
    class BaseWorkerDescentantMissing < BaseError; end

    # Their names up to Karafka 1.2.
    ParserError = DeserializationError
    InvalidConfiguration = InvalidConfigurationError
    MissingBootFile = MissingBootFileError
    InvalidResponderUsage = InvalidResponderUsageError
    InvalidResponderMessageOptions = InvalidResponderMessageOptionsError

    # Other names of 1.x and 2016, for code that rescues them: what is raised at the same moment here.
    UnregisteredMonitorEventError = UnregisteredMonitorEvent = EventNotRegisteredError
    ForcefulShutdown = ForcefulShutdownError
    NonMatchingTopicError = NonMatchingRouteError
    MissingClientError = MissingClient = UnassignedConsumerError
    ResponderMissingError = ResponderMissing = InvalidResponderUsageError
    DuplicatedTopicError = DuplicatedGroupError = InvalidTopicName = InvalidGroupName = InvalidPauseTimeout = InvalidConfigurationError
    IncompatibleTopicError = InvalidConfigurationError
    # Of 2.x.
    DependencyConstraintsError = ConflictingGemError
    CommandValidationError = CommandError
    UnsupportedOptionError = UnsupportedFeatureError
  end
end
