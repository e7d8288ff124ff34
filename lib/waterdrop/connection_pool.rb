# frozen_string_literal: true

module WaterDrop
  # Several producers, each used by one thread at a time. A producer serves all threads by itself; a pool is for those
  # that cannot, such as transactional ones. A producer is made when it is first needed.
  #
  # @example
  #   pool = WaterDrop::ConnectionPool.new(size: 5) { |config, index| config.kafka = { … "transactional.id": "app-#{index}" } }
  #   pool.with { |producer| producer.produce_sync(topic: "orders", payload: "{}") }
  #   pool.close
  class ConnectionPool
    include Producing

    # The pool of the application, made by {setup}.
    class << self
      # @return [ConnectionPool, nil]
      attr_reader :default_pool

      # @param size [Integer]
      # @param timeout [Numeric] ms
      # @yieldparam config [Config]
      # @yieldparam index [Integer]
      # @return [ConnectionPool] the new one; an earlier one is closed
      def setup(size: SIZE, timeout: TIMEOUT_MS, &block)
        earlier = @default_pool
        @default_pool = new(size: size, timeout: timeout, &block)
        earlier&.close
        WaterDrop.monitor.instrument("connection_pool.setup", { pool: @default_pool, size: size, timeout: timeout })
        @default_pool
      end

      # @yieldparam producer [Producer]
      # @return [Object] what the block gives
      # @raise [Errors::ConnectionPoolNotConfiguredError]
      # @raise [Errors::ConnectionPoolTimeoutError]
      def with(&)
        default_pool!.with(&)
      end

      # @yieldparam producer [Producer]
      # @return [Object] what the block gives
      # @raise [Errors::ConnectionPoolNotConfiguredError]
      def transaction(&)
        default_pool!.transaction(&)
      end

      # @return [Hash{Symbol=>Integer}, nil] nil: there is none
      def stats
        default_pool&.stats
      end

      # @return [Boolean]
      def active?
        default_pool&.active? || false
      end

      # @param force [Boolean] as of {Producer#close}
      # @return [Integer] messages that were not delivered
      def close(force: true)
        pool = @default_pool
        @default_pool = nil
        pool ? pool.close(force: force) : 0
      end
      alias shutdown close

      # @return [Integer] messages that were not delivered
      def reload
        default_pool!.reload
      end

      private

      def default_pool!
        default_pool || raise(Errors::ConnectionPoolNotConfiguredError,
                              "there is no connection pool: call WaterDrop::ConnectionPool.setup(size: 5) { |config| … } first")
      end
    end

    SIZE = 5
    TIMEOUT_MS = 5_000
    private_constant :SIZE, :TIMEOUT_MS

    # @return [Integer]
    attr_reader :size
    # @return [Numeric] how long {#with} waits for a producer, ms
    attr_reader :timeout

    # @param size [Integer] most producers at once
    # @param timeout [Numeric] how long {#with} waits for one, ms
    # @yieldparam config [Config] of each producer
    # @yieldparam index [Integer] 1 to size; stays with its producer, also after a {#reload}
    def initialize(size: SIZE, timeout: TIMEOUT_MS, &setup)
      check!(size, timeout, setup)
      @size = size
      @timeout = timeout
      @setup = setup
      @key = :"waterdrop_pool_#{object_id}"
      @lock = Lock.new
      @returned = ConditionVariable.new
      @pid = ::Process.pid
      fill
      WaterDrop.monitor.instrument("connection_pool.created", { pool: self, size: size, timeout: timeout })
    end

    # Lends a producer to the block. Within it the same thread gets the same producer again.
    # @yieldparam producer [Producer]
    # @return [Object] what the block gives
    # @raise [Errors::ConnectionPoolTimeoutError] all were in use for as long as `timeout`
    # @raise [Errors::ConnectionPoolClosedError]
    def with
      lent = held
      return yield(lent) if lent

      # A Timeout or a Thread#kill between the loan and the block must not keep the place. A kill is no Exception.
      ::Thread.handle_interrupt(Object => :never) do
        place = ::Thread.handle_interrupt(Object => :on_blocking) { take }
        begin
          ::Thread.current[@key] = place.last
          ::Thread.handle_interrupt(Object => :immediate) { yield place.last }
        ensure
          ::Thread.current[@key] = nil
          give_back(*place)
        end
      end
    end

    # @yieldparam producer [Producer] in a transaction
    # @return [Object] what the block gives
    def transaction(&block)
      with { |producer| producer.transaction { block.call(producer) } }
    end

    # @return [Hash{Symbol=>Integer}] `size`, and how many of them are `available`
    def stats
      @lock.synchronize { { size: size, available: @closed ? 0 : @free.size } }
    end

    # @return [Integer] producers that nobody has borrowed
    def available
      stats.fetch(:available)
    end

    # @return [Boolean] not closed
    def active?
      !@closed
    end

    # Lends no more, waits up to `timeout` for those in use, and closes all. One that is still in use then is closed when
    # it comes back.
    # @param force [Boolean] as of {Producer#close}
    # @return [Integer] messages that were not delivered
    def close(force: true) # rubocop:disable Lint/UnusedMethodArgument
      return 0 if @lock.synchronize { @closed.tap { @closed = true } }

      retire.tap { WaterDrop.monitor.instrument("connection_pool.shutdown", { pool: self }) }
    end
    alias shutdown close

    # New producers from now on, with the settings that the block gives now. Waits as {#close} does.
    # @return [Integer] messages that the old ones did not deliver
    # @raise [Errors::ConnectionPoolClosedError]
    def reload
      raise Errors::ConnectionPoolClosedError, "the connection pool is closed" if @closed

      WaterDrop.monitor.instrument("connection_pool.reload", { pool: self })
      retire.tap { WaterDrop.monitor.instrument("connection_pool.reloaded", { pool: self }) }
    end

    # @return [String]
    def inspect
      "#<#{self.class} size=#{size} #{@closed ? "closed" : "available=#{@free.size}"}>"
    end

    private

    # @return [Producer, nil] what this thread has
    def held
      ::Thread.current[@key] if @pid == ::Process.pid
    end

    def check!(size, timeout, setup)
      unless size.is_a?(Integer) && size.positive?
        raise Errors::ConfigurationInvalidError, "size is #{size.inspect}, but must be an Integer above 0."
      end
      unless Config::Types::MILLISECONDS.allowed?(timeout)
        raise Errors::ConfigurationInvalidError, "timeout is #{timeout.inspect}, but must be a number of milliseconds, 0 or more."
      end
      raise ArgumentError, "a connection pool needs a block that sets up a producer: |config, index|" unless setup
    end

    # Places without a producer: the first loan of each makes it. A place carries its generation, so that one that
    # comes back late is closed rather than lent again.
    def fill
      @generation = (@generation || 0) + 1
      @config = nil
      @free = Array.new(size) { |index| [index + 1, @generation, nil] }.reverse
      @lent = 0
      @retiring = false
    end

    def take
      forked
      index, generation, producer = place = @lock.synchronize { take_place }
      made = producer || Producer.new { |config| @setup.call(config, index) }
      [index, generation, made]
    ensure
      give_back(*place) if place && made.nil?
    end

    def take_place
      deadline = Karafka::Clock.now_ms + timeout
      loop do
        raise Errors::ConnectionPoolClosedError, "the connection pool is closed" if @closed

        place = @free.pop unless @retiring
        break place.tap { @lent += 1 } if place

        left = deadline - Karafka::Clock.now_ms
        unless left.positive?
          raise Errors::ConnectionPoolTimeoutError, "none of the #{size} producers of the pool came back within #{timeout} ms"
        end

        @returned.wait(@lock.mutex, left / 1_000.0)
      end
    end

    def give_back(index, generation, producer)
      stale = ::Thread.handle_interrupt(Object => :never) do
        @lock.synchronize do
          next true if generation != @generation

          @lent -= 1
          @free.push([index, generation, producer])
          @returned.broadcast
          false
        end
      end
      ::Thread.handle_interrupt(Object => :on_blocking) { producer.close } if stale && producer
    end

    # Takes all producers out of use and closes them.
    def retire
      forked
      places = @lock.synchronize do
        # A new producer beside an old one that is in use would take its transactional id away.
        @retiring = true
        deadline = Karafka::Clock.now_ms + timeout
        while @lent.positive? && (left = deadline - Karafka::Clock.now_ms).positive?
          @returned.wait(@lock.mutex, left / 1_000.0)
        end
        taken = @free
        fill
        @returned.broadcast
        taken
      end
      places.sum { |_, _, producer| producer ? producer.close : 0 }
    end

    # What the parent has lent is not ours; its producers rebuild themselves here.
    def forked
      return if @pid == ::Process.pid

      @lock.synchronize do
        next if @pid == ::Process.pid

        @pid = ::Process.pid
        fill
      end
    end
  end
end
