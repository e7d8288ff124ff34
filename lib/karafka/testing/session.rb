# frozen_string_literal: true

module Karafka
  module Testing
    # What `karafka` (RSpec) and `@karafka` (Minitest) are: the messages and the consumers of one test.
    class Session
      # The receiver of a message that is on its way through the producer.
      Target = Struct.new(:inbox, :group, :offset)
      private_constant :Target

      # @param test [Object, nil] whose `consumer` or `subject` is meant where none is named
      def initialize(test = nil)
        @test = test
        @lock = Mutex.new
        @sent = []
        # By consumer, and by the name of the topic in Kafka.
        @inboxes = {}.compare_by_identity
        @of_topics = Hash.new { |all, name| all[name] = [] }
        @clients = {}.compare_by_identity
        @resolving = false
      end

      # @param topic [String, Symbol] of a topic or of a pattern, or a name that a pattern matches
      # @param group [String, Symbol, nil] consumer group, where several consume it
      # @param consumer_group [String, Symbol, nil] the same by name
      # @return [BaseConsumer] of the class that the routes say; it gets what is produced from now on
      # @raise [Errors::TopicNotFoundError, Errors::TopicInManyConsumerGroupsError, Errors::ConsumerGroupNotFoundError]
      # @raise [Errors::KarafkaNotInitializedError]
      def consumer_for(topic, group = nil, consumer_group: nil)
        inbox = Inbox.new(Helpers.topic(topic, group || consumer_group))
        @of_topics[inbox.topic.subscription_name] << inbox
        @last = inbox
        @inboxes[inbox.consumer] = inbox
        inbox.consumer
      end

      # Sends a message through the application's producer, with its middleware and checks, to the topic of `metadata[:topic]`; else
      # of the test's `consumer`, of its `subject`, or of the consumer that was built last.
      # @param payload [String, nil]
      # @param metadata [Hash{Symbol, String=>Object}] topic, key, headers, partition, timestamp; offset and consumer_group are for
      #   the consumer only
      # @return [WaterDrop::DeliveryReport]
      def produce(payload, metadata = {})
        metadata = metadata.to_h.transform_keys(&:to_sym)
        return dispatch(payload, metadata, nil) if metadata[:topic]

        inbox = target or raise Errors::TopicNotFoundError,
                                "nothing says where the message goes: give topic:, or build a consumer with consumer_for first"
        dispatch(payload, metadata, inbox)
      end

      # @param consumer [BaseConsumer] built with {#consumer_for}
      # @param payload [String, nil]
      # @param metadata [Hash{Symbol, String=>Object}] as of {#produce}; topic and group are those of the consumer
      # @return [WaterDrop::DeliveryReport]
      def produce_to(consumer, payload, metadata = {})
        dispatch(payload, metadata.to_h.transform_keys(&:to_sym), inbox(consumer))
      end

      # @return [Array<Hash{Symbol=>Object}>] all that was sent in this test, also by the code under test
      def produced_messages
        @lock.synchronize { @sent.dup }
      end

      # @param consumer [BaseConsumer, nil] nil: the test's, as of {#produce}
      # @return [Array<Messages::Message>] its next batch; may be changed
      def consumer_messages(consumer = nil)
        consumer ? inbox(consumer).messages : target&.messages || []
      end

      # Processes what has arrived for the consumer as a server does: batches, retries, dead letters, retry topics, transactions,
      # marks. Without threads, and without waiting for a pause.
      # @param consumer [BaseConsumer, nil] nil: the test's, as of {#produce}
      # @param kind [Symbol] :consume, or what else happens to a consumer: :eofed, :idle, :revoked, :shutdown
      # @param attempts [Integer, nil] at most this many for a batch; nil: as many as the settings of the topic allow. Where these
      #   allow any number, the first failure is raised
      # @return [Run] what became of it
      # @raise [Exception] what the consumer raised, where that is retried forever
      def run(consumer = nil, kind = :consume, attempts: nil)
        Runner.new(consumer ? inbox(consumer) : target!, self, attempts: attempts).call(kind)
      end

      # A Kafka in this process, and the application on it. See {Cluster}.
      # @yieldparam cluster [Cluster]
      # @return [Object] what the block returns
      def cluster(...)
        Cluster.open(...)
      end

      # @api private
      # @param consumer [BaseConsumer]
      # @return [Inbox]
      # @raise [Errors::ForeignConsumerError]
      def inbox(consumer)
        known(consumer) || raise(
          Errors::ForeignConsumerError, "#{consumer.class} was not built in this test: use karafka.consumer_for"
        )
      end

      # @api private
      # @param producer [WaterDrop::Producer]
      # @return [SpecProducerClient] of this test
      def client(producer)
        @clients[producer] || @lock.synchronize { @clients[producer] ||= SpecProducerClient.new(producer, self) }
      end

      # @api private
      # @param message [Hash{Symbol=>Object}] that the producer's client took
      # @return [void]
      def sent(message)
        @lock.synchronize { @sent << message }
        hint = Thread.current[:karafka_testing_target]
        recipient(message[:topic].to_s, hint)&.add(message, hint&.offset)
      end

      # @return [String] short: a failing test prints it
      def inspect
        topics = @inboxes.each_value.map { |inbox| inbox.topic.name }
        "#<#{self.class} #{Amount.of(@sent.size, "message")} sent, consumers of #{topics.inspect}>"
      end

      private

      def dispatch(payload, metadata, inbox)
        Testing.ensure_karafka_initialized!
        topic = inbox ? inbox.topic.subscription_name : metadata[:topic].to_s
        message = { payload: payload, **metadata.except(:offset, :consumer_group), topic: topic }
        outer = Thread.current[:karafka_testing_target]
        Thread.current[:karafka_testing_target] = Target.new(inbox, metadata[:consumer_group], metadata[:offset])
        Karafka.producer.produce_sync(message)
      ensure
        Thread.current[:karafka_testing_target] = outer
      end

      # Where two could be meant, it is nobody's.
      def recipient(topic, hint)
        return hint.inbox if hint&.inbox&.of?(topic)

        found = @of_topics.fetch(topic, [])
        found = found.select { |inbox| inbox.group?(hint.group) } if hint&.group
        found.first if found.one?
      end

      def target!
        target || raise(Errors::ForeignConsumerError, "there is no consumer in this test: build one with karafka.consumer_for")
      end

      def target
        return @last if @resolving

        candidates.filter_map { |candidate| known(candidate.call) }.first || @last
      end

      def known(consumer)
        @inboxes[consumer]
      end

      # `let(:consumer)` and `subject` may build a consumer only now, and produce themselves.
      def candidates
        [
          -> { resolve(:consumer) },
          -> { @test.instance_variable_get(:@consumer) },
          # RSpec's own one is `described_class.new`, which no test of ours has built.
          -> { resolve(:subject) unless implicit_subject? }
        ].lazy
      end

      def resolve(name)
        return unless @test.respond_to?(name, true)

        @resolving = true
        @test.send(name)
      ensure
        @resolving = false
      end

      def implicit_subject?
        defined?(::RSpec::Core::MemoizedHelpers) && @test.respond_to?(:subject) &&
          @test.method(:subject).owner == ::RSpec::Core::MemoizedHelpers
      end
    end
  end
end
