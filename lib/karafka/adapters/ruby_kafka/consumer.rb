# frozen_string_literal: true

module Kafka
  # Deals the partitions out in turn. The name of ruby-kafka's default.
  class RoundRobinAssignmentStrategy
    # @return [String]
    def protocol_name = "roundrobin"
  end

  # Consumes topics as a member of a group. The messages are processed in the thread that calls {#each_message} or {#each_batch}.
  class Consumer
    include Processing

    # What {Client#consumer} was given.
    Options = Struct.new(:group_id, :kafka, :refresh_topic_interval, :commit_threshold)

    STRATEGIES = %w[range roundrobin cooperative-sticky].freeze
    OFFSETS = %i[earliest latest].freeze
    # Seconds. ruby-kafka's 10 are what a rebalance takes at least where its members wait for each other's heartbeats.
    HEARTBEAT = 0.5
    private_constant :STRATEGIES, :OFFSETS, :HEARTBEAT

    # @api private
    # @param settings [Settings]
    # @raise [ArgumentError]
    def initialize(settings, group_id:, session_timeout: 30, rebalance_timeout: 60, offset_commit_interval: 10,
                   offset_commit_threshold: 0, heartbeat_interval: nil, offset_retention_time: nil, fetcher_max_queue_size: 100, # rubocop:disable Lint/UnusedMethodArgument -- the engine bounds what is fetched by bytes
                   refresh_topic_interval: 0, interceptors: [], assignment_strategy: nil)
      raise ArgumentError, "group_id is #{group_id.inspect}, but must be a name" if group_id.to_s.empty?

      Numbers.check!(session_timeout: session_timeout, rebalance_timeout: rebalance_timeout, offset_commit_interval: offset_commit_interval,
                     offset_commit_threshold: offset_commit_threshold, heartbeat_interval: heartbeat_interval,
                     refresh_topic_interval: refresh_topic_interval)
      settings.logger.warn("offset_retention_time has no effect: brokers decide since Kafka 2.1") if offset_retention_time
      @settings = settings
      @logger = settings.logger
      @instrumenter = Instrumenter.new(client_id: settings.client_id, group_id: group_id)
      @interceptors = Interceptors.new(interceptors: interceptors, logger: @logger)
      @options = Options.new(group_id.to_s, {
                               "group.id" => group_id.to_s, "partition.assignment.strategy" => strategy(assignment_strategy),
                               session_timeout: session_timeout, heartbeat_interval: heartbeat_interval || HEARTBEAT,
                               rebalance_timeout: [rebalance_timeout, session_timeout].max, offset_commit_interval: offset_commit_interval
                             }, refresh_topic_interval, offset_commit_threshold)
      @subscriptions = []
      @positions = Positions.new
      @by_count = offset_commit_threshold.positive?
      @marked = 0
    end

    # @param topic_or_regex [String, Symbol, Regexp]
    # @param default_offset [Symbol, nil] :earliest or :latest; where a group begins that has committed nothing
    # @param start_from_beginning [Boolean] the same
    # @param max_bytes_per_partition [Integer] of a batch
    # @return [nil]
    # @raise [ArgumentError]
    def subscribe(topic_or_regex, default_offset: nil, start_from_beginning: true, max_bytes_per_partition: 1_048_576)
      default_offset ||= start_from_beginning ? :earliest : :latest
      unless OFFSETS.include?(default_offset.to_sym)
        raise ArgumentError, "default_offset is #{default_offset.inspect}, but must be :earliest or :latest"
      end

      Numbers.check!(max_bytes_per_partition: max_bytes_per_partition)
      topic = topic_or_regex.is_a?(Regexp) ? topic_or_regex : topic_or_regex.to_s
      @subscriptions.delete_if { |subscription| subscription.topic == topic }
      @subscriptions << Session::Subscription.new(topic, default_offset.to_sym, max_bytes_per_partition)
      nil
    end

    # Processes each message, until {#stop} or an error.
    # @param min_bytes [Integer] a broker waits for this many
    # @param max_bytes [Integer] of an answer of a broker
    # @param max_wait_time [Numeric] seconds; how long a broker waits for min_bytes
    # @param automatically_mark_as_processed [Boolean]
    # @yieldparam message [FetchedMessage]
    # @return [nil]
    # @raise [ProcessingError] the block raised; what was processed before is committed, and the group is left
    # @raise [Error]
    def each_message(min_bytes: 1, max_bytes: 10_485_760, max_wait_time: 1, automatically_mark_as_processed: true, &block)
      raise ArgumentError, "each_message needs a block" unless block

      Numbers.check!(min_bytes: min_bytes, max_bytes: max_bytes, max_wait_time: max_wait_time)
      fetching = Session::Fetching.new(min_bytes: min_bytes, max_bytes: max_bytes, max_wait_time: max_wait_time, batches: false)
      run(fetching) { |lease| process_messages(lease, automatically_mark_as_processed, &block) }
    end

    # Processes batches, each of one partition, until {#stop} or an error.
    # @param min_bytes [Integer] as {#each_message}
    # @param max_bytes [Integer]
    # @param max_wait_time [Numeric]
    # @param automatically_mark_as_processed [Boolean] when the block has returned
    # @yieldparam batch [FetchedBatch]
    # @return [nil]
    # @raise [ProcessingError] the block raised: nothing of the batch is committed, and the group is left
    # @raise [Error]
    def each_batch(min_bytes: 1, max_bytes: 10_485_760, max_wait_time: 1, automatically_mark_as_processed: true, &block)
      raise ArgumentError, "each_batch needs a block" unless block

      Numbers.check!(min_bytes: min_bytes, max_bytes: max_bytes, max_wait_time: max_wait_time)
      fetching = Session::Fetching.new(min_bytes: min_bytes, max_bytes: max_bytes, max_wait_time: max_wait_time, batches: true)
      run(fetching) { |lease| process_batch(lease, automatically_mark_as_processed, &block) }
    end

    # Ends the loop after the message, or the batch, that is being processed. From any thread, and from a trap.
    # @return [nil]
    def stop
      @stopping = true
      @session&.stop
      nil
    end

    # The message, and all before it in its partition, will be committed.
    # @param message [FetchedMessage, #offset]
    # @return [nil]
    def mark_message_as_processed(message)
      lease = @positions.lease_of(message)
      mark(lease, message.offset) if lease
      nil
    end

    # Commits what is marked, and waits for the answers.
    # @return [nil]
    # @raise [OffsetCommitError]
    def commit_offsets
      mark_done
      @positions.leases.each(&:commit_sync)
      @marked = 0
      nil
    rescue Karafka::Errors::BaseError => e
      raise OffsetCommitError, e.message
    end

    # The partition goes on there: after what is being processed, or when it comes to this process.
    # @return [nil]
    def seek(topic, partition, offset)
      @instrumenter.instrument("seek.consumer", { topic: topic, partition: partition, offset: offset })
      @positions.seek(topic.to_s, partition, offset)
      nil
    end

    # Nothing more of that partition is processed after the batch that is out.
    # @param timeout [Numeric, nil] seconds; nil: until {#resume}
    # @param max_timeout [Numeric, nil] seconds
    # @param exponential_backoff [Boolean] twice as long each time, until a batch is processed
    # @return [nil]
    # @raise [ArgumentError] a back-off without a timeout
    def pause(topic, partition, timeout: nil, max_timeout: nil, exponential_backoff: false)
      @positions.pause(topic.to_s, partition, timeout: timeout, max_timeout: max_timeout, exponential_backoff: exponential_backoff)
      nil
    end

    # @return [nil]
    def resume(topic, partition)
      pause = @positions.resume(topic.to_s, partition)
      @instrumenter.instrument("pause_status.consumer", { topic: topic, partition: partition, duration: pause.duration }) if pause
      nil
    end

    # @return [Boolean]
    def paused?(topic, partition) = @positions.paused?(topic.to_s, partition)

    # The engine sends heartbeats by itself, however long a block takes.
    # @return [nil]
    def trigger_heartbeat
      @instrumenter.instrument("heartbeat.consumer", { topic_partitions: assigned })
      nil
    end
    alias trigger_heartbeat! trigger_heartbeat
    alias send_heartbeat_if_necessary trigger_heartbeat
    alias send_heartbeat trigger_heartbeat

    # @return [String]
    def inspect = "#<#{self.class} #{@options.group_id} of #{@subscriptions.map(&:topic).join(", ")}>"

    private

    def strategy(given)
      return "roundrobin" if given.nil? || given.is_a?(RoundRobinAssignmentStrategy)
      return given.to_s if (given.is_a?(String) || given.is_a?(Symbol)) && STRATEGIES.include?(given.to_s)

      raise ArgumentError, "assignment_strategy is #{given.class}, but must be one of #{STRATEGIES.join(", ")}: librdkafka takes no " \
                           "assignor written in Ruby"
    end

    def assigned
      @positions.leases.each_with_object({}) { |lease, found| (found[lease.topic] ||= []) << lease.partition }
    end

    def run(fetching)
      raise ArgumentError, "there is nothing to consume: call subscribe first" if @subscriptions.empty?
      raise ArgumentError, "this consumer runs already" if @session && @session.pid == Process.pid

      @stopping = false
      session = Session.new(@settings, @options, @subscriptions, fetching)
      @session = session
      session.start
      # A trap may have come before there was anything to stop.
      while !@stopping && (lease = session.take)
        handle(lease) { yield lease }
      end
      raise session.failure if session.failure
    ensure
      leave(session) if session
    end

    def handle(lease)
      if lease.kind == :consume
        return unless @positions.enter(lease)

        yield
        @positions.processed(lease)
      else
        @positions.leave(lease)
        lease.release
      end
    ensure
      # Left by an error, break or a kill: what is marked is processed, the rest comes again.
      lease.release unless lease.settled?
    end

    # In a forked child that came out of the block everything belongs to the parent.
    def leave(session)
      @session = nil
      @positions.clear
      return if session.pid != Process.pid

      @instrumenter.instrument("leave_group.consumer") { session.close }
    end
  end
end
