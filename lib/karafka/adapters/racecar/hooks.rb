# frozen_string_literal: true

module Racecar
  # Brings the engine's events to where a racecar consumer expects them: rebalances, statistics, and the file of the liveness probe.
  class Hooks
    # What `on_partitions_assigned` and `on_partitions_revoked` of a consumer class get, one for each topic.
    RebalanceEvent = Struct.new(:topic_name, :partition_numbers) do
      # @return [Boolean]
      def empty? = partition_numbers.empty?
    end

    # How long a message waits for the event that its partition is here, seconds. It comes at once, on another thread.
    PATIENCE = 5
    private_constant :PATIENCE

    # @param work [Work]
    # @param config [Config]
    # @param instrumenter [Instrumenter]
    # @param probe [LivenessProbe, nil]
    def initialize(work, config:, instrumenter:, probe: nil)
      @work = work
      @config = config
      @instrumenter = instrumenter
      @probe = probe
      @subscribed = []
      @lock = Mutex.new
      @change = ConditionVariable.new
      @announced = []
    end

    # @return [void]
    def install
      on("rebalance.partitions_assigned") { |event| rebalanced(event, "partitions_assigned", "join_group") }
      on("rebalance.partitions_revoked") { |event| rebalanced(event, "partitions_revoked", "leave_group") }
      on("statistics.emitted") { |event| @work.consumer.statistics_callback(event[:statistics]) } if statistics?
      # Not while it is at a message: a consumer that is stuck has to be noticed.
      on("connection.listener.fetch_loop") { @probe.touch unless @work.busy } if @probe
    end

    # Waits until `on_partitions_assigned` has been called for that partition.
    # @param topic [String]
    # @param partition [Integer]
    # @return [void]
    def wait_for(topic, partition)
      deadline = nil
      @lock.synchronize do
        until @announced.include?([topic, partition])
          deadline ||= Karafka::Clock.now + PATIENCE
          left = deadline - Karafka::Clock.now
          break unless left.positive?

          @change.wait(@lock, left)
        end
      end
    end

    # @return [void]
    def remove
      @subscribed.each { |listener| Karafka.monitor.unsubscribe(listener) }
      @subscribed.clear
    end

    private

    def on(event, &block)
      @subscribed << block
      Karafka.monitor.subscribe(event, &block)
    end

    def statistics?
      @work.consumer.respond_to?(:statistics_callback)
    end

    def rebalanced(event, name, membership)
      tell(event, name, membership)
    ensure
      announced(event[:tpl], name)
    end

    def announced(partitions, name)
      places = partitions.flat_map { |topic, numbers| [topic].product(numbers) }
      @lock.synchronize do
        @announced = name == "partitions_assigned" ? @announced | places : @announced - places
        @change.broadcast
      end
    end

    def tell(event, name, membership)
      @instrumenter.instrument(membership, { group_id: @config.group_id })
      event[:tpl].each do |topic, partitions|
        happened = RebalanceEvent.new(topic, partitions.sort)
        @instrumenter.instrument(name, { partitions: partitions, topic: topic })
        hook = :"on_#{name}"
        @work.consumer.class.public_send(hook, happened) if @work.consumer.class.respond_to?(hook)
      end
    end
  end
end
