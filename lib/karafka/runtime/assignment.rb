# frozen_string_literal: true

module Karafka
  # A partition while it is assigned to this process, or one lane of it where it has several (`parallel`): its route and
  # its consumer. One worker at a time runs it, because the engine gives out one lease of it at a time.
  class Assignment
    include AssignmentHooks

    # @return [Routing::Topic]
    attr_reader :topic
    # @return [Integer]
    attr_reader :partition
    # @return [String] its name in Kafka
    attr_reader :kafka_topic
    # @return [BaseConsumer, nil] the instance that serves it now
    attr_reader :consumer
    # @return [PartitionShare] what it has in common with others of the same partition
    attr_reader :share

    # @param topic [Routing::Topic]
    # @param lease [Native::Lease] the first one
    # @param transactions [TransactionalProducers, nil] nil: the application's producer has to be a transactional one
    # @param share [PartitionShare]
    def initialize(topic, lease, transactions = nil, share: PartitionShare.new(topic, lease.partition))
      @kafka_topic = lease.topic
      name = application_name(lease.topic)
      @topic = topic.for(name)
      @transactions = transactions
      @share = share
      @exactly_once = topic.exactly_once?
      @partition = lease.partition
      @decoders = Messages::Decoders.of(@topic, @kafka_topic, name)
      @manual = topic.manual_offset_management?
      @persistent = topic.consumer_persistence
      @each = !topic.batch_consuming
      @insists = topic.insights_required?
      @outlet = Instrumentation::Outlet.new(Karafka.monitor)
      @wraps = wraps?(topic.consumer)
      @filters = OwnFilters.of(@topic, @partition)
    end

    # Processes a batch with the user's code. What that raises goes through.
    # @param lease [Native::Lease]
    # @return [void]
    def consume(lease)
      return @waits = true if @insists && !insights?

      @share.begun(lease.attempt)
      consumer = prepare(lease)
      consumer.messages = Messages::Messages.over(lease, @decoders)
      leave_out(consumer, lease) if Failures::SkipOrders.any?
      consumer.karafka_resumed
      Instrumentation::MessagesBuffer.received(@outlet, consumer, lease)
      return filtered(consumer, lease) if @filters

      process(consumer, lease)
    end

    # What a batch that failed leads to; settles its lease.
    # @param lease [Native::Lease]
    # @param error [Exception]
    # @return [void]
    def failed(lease, error)
      @share.errors << error
      failures.call(lease, error, reached: @reached.equal?(lease))
    end

    # @param error [Exception]
    # @return [Boolean] whether the `initialized` of a new consumer raised it: that says nothing about the messages
    def uninitialized?(error)
      error.equal?(@uninitialized)
    end

    # @param error [Exception] that a lease ended with
    # @return [Integer, nil] how many times in a row no consumer could be made for one; nil: there was one
    def untried(error)
      return if @consumer && !uninitialized?(error)

      @untried = (@untried || 0) + 1
    end

    # @yieldparam producer [WaterDrop::Producer] for transactions of this partition
    # @return [Object] what the block returns
    def transactional_producer(&)
      return yield(Karafka.producer) unless @transactions

      @transactions.with(@topic, @kafka_topic, @partition, &)
    end

    # @return [Boolean] whether the consumer gets one message at a time
    def each?
      @each
    end

    # Tells the engine which messages keep their order, where a block decides that.
    # @param lease [Native::Lease]
    # @return [void]
    def keys(lease)
      keys = @topic.parallel.keys(Messages::Messages.over(lease, @decoders)) do |error|
        Instrumentation::Safely.error(error, "virtual_partitions.partitioner.error", caller: self)
      end
      lease.spread(keys)
    end

    # What is committed beside the offset, as {Consumers::Offsets#offset_metadata} gives it.
    # @param lease [Native::Lease]
    # @param cache [Boolean]
    # @return [Object, false] false: the partition was lost
    def offset_metadata(lease, cache:)
      text = @offset_metadata if cache
      text ||= lease.committed_metadata
      return false if text.nil? || lease.revoked?

      @offset_metadata = text
      @topic.offset_metadata.deserializer.call(text)
    end

    # @param lease [Native::Lease]
    # @return [void]
    def settle(lease)
      return lease.untried(1) && @waits = false if @waits

      @failures&.succeeded
      # Given back, it comes again after the same time.
      return @topic.periodic ? lease.nack : lease.release if lease.kind == :idle
      return lease.release unless lease.kind == :consume

      Failures::SkipOrders.processed(@topic.consumer_group.id, lease) if Failures::SkipOrders.any?
      @share.succeeded(lease.attempt)
      @manual ? lease.release : lease.ack
    end

    private

    def process(consumer, lease)
      @outlet.publish("consumer.before_schedule_consume", consumer)
      observed(consumer, "consumer.consume", "consumer.consumed") do
        @reached = nil
        @exactly_once ? exactly_once(consumer) { work(consumer, lease) } : work(consumer, lease)
      end
    end

    # A batch of which nothing is left does not reach the consumer.
    def filtered(consumer, lease)
      consumer.messages = @filters.apply(consumer.messages)
      process(consumer, lease) unless consumer.messages.empty?
      @filters.finish(consumer, lease)
    end

    # Whether there are statistics of the partition; some come soon, as librdkafka has to make them.
    def insights?
      !Insights.of(@topic.subscription_group.consumer_group_id, @kafka_topic, @partition).empty?
    end

    # @raise [Failures::OrderedSkip] an operator wants one of these messages out of the way
    def leave_out(consumer, lease)
      order, index = Failures::SkipOrders.met(@topic.consumer_group.id, lease)
      raise Failures::OrderedSkip.new(order, consumer.messages[index]) if order
    end

    def application_name(kafka_topic)
      name = Routing::TopicNames.in_application(kafka_topic)
      # One String for all messages, and that of the lease where it is the same.
      name == kafka_topic ? kafka_topic : name.freeze
    end

    def prepare(lease)
      fresh = @consumer.nil? || (!@persistent && lease.kind == :consume && (lease.attempt == 1 || reloaded?))
      return @consumer.tap { |consumer| consumer.karafka_lease = lease } unless fresh

      consumer = new_consumer
      consumer.karafka_assign(self)
      lease.set_place(*Place.of(consumer.class))
      consumer.karafka_lease = lease
      consumer.messages = nothing_yet
      @outlet.publish("consumer.initialize", consumer)
      begun(consumer)
      # Only now: one whose `initialized` raised is not used again.
      @consumer = consumer
      @untried = 0
      @wraps = wraps?(consumer.class) unless @persistent
      @outlet.publish("consumer.initialized", consumer)
      consumer
    end

    def new_consumer = Backends.consumer(@topic)

    def failures
      @failures ||= Failures::Handler.new(self, @share.guard)
    end

    def nothing_yet
      Messages::Messages.new([], Messages::BatchMetadata.new(size: 0, topic: @topic.name, partition: @partition, attempt: 1))
    end

    def begun(consumer)
      consumer.initialized
    rescue Exception => e # rubocop:disable Lint/RescueException -- noted and raised again
      @uninitialized = e
      raise
    end

    # Asked once for each instance, not for each batch.
    def wraps?(klass)
      klass.instance_method(:wrap).owner != BaseConsumer
    end

    # A retry is for the code that was mended, not for that which failed.
    def reloaded?
      !@consumer.instance_of?(@topic.consumer)
    end

    # A database transaction in `wrap` comes to its end inside: should it fail, nothing is committed to Kafka.
    def exactly_once(consumer, &)
      consumer.karafka_exactly_once(mark_all: !@manual, &)
    rescue WaterDrop::Errors::TransactionError, Errors::AssignmentLostError, Errors::RedeliveredError
      # Nothing that is wrong with the messages.
      @reached = nil
      raise
    end

    def work(consumer, lease)
      return around(consumer, :consume) { consume_each(consumer, lease) } if @each

      @wraps ? around(consumer, :consume) { run(consumer, lease) } : run(consumer, lease)
    end

    # What is raised before is not about the messages.
    def run(consumer, lease)
      @reached = lease
      consumer.on_consume
    end

    # `batch_consuming false`: each message that is done is marked, so a failure repeats only what was not.
    def consume_each(consumer, lease)
      @reached = lease
      messages = consumer.messages
      index = 0
      while index < messages.size
        message = messages[index]
        consumer.params = message
        consumer.on_consume
        break unless @manual || (@exactly_once ? consumer.mark_as_consumed(message) : lease.mark(message.offset))

        index += 1
      end
    end

    # The user's `wrap` decides neither whether the code ran nor whether it succeeded.
    def around(consumer, action, &)
      return yield unless @wraps

      observed(consumer, "consumer.wrap", "consumer.wrapped") { wrapped(consumer, action, &) }
    end

    def wrapped(consumer, action)
      called = false
      failure = nil
      consumer.wrap(action) do
        called = true
        failure = nil
        yield
      rescue Exception => e # rubocop:disable Lint/RescueException -- recorded and raised again
        failure = e
        raise
      end
      raise failure if failure
      return if called

      raise Errors::InvalidConfigurationError,
            "#{consumer.class}#wrap(#{action.inspect}) did not call its block, so nothing was done; it must yield"
    end

    def observed(consumer, before, after, &)
      @outlet.publish(before, consumer)
      @outlet.measured(after, consumer, &)
    end
  end
end
