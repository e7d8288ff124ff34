# frozen_string_literal: true

module Karafka
  module Testing
    # A Kafka in this process for one test (librdkafka's mock cluster), with the application on it: its producer sends there, and
    # {#start} runs its server. Holds no transactions, and knows neither administration nor times. One at a time in a process.
    class Cluster
      # What a wait may take, seconds.
      PATIENCE = 30
      LOCK = Mutex.new
      # Short, so that a group is formed at once.
      SETTINGS = {
        "session.timeout.ms": 1_500, "heartbeat.interval.ms": 300, "auto.commit.interval.ms": 100, "reconnect.backoff.max.ms": 500
      }.freeze
      # The errors of brokers have these numbers.
      CODES = (1..130)
      private_constant :PATIENCE, :LOCK, :SETTINGS, :CODES

      # @param brokers [Integer]
      # @param topics [Hash{String, Symbol=>Integer}] partitions of topics; others are created with one when they are used
      # @yieldparam cluster [Cluster]
      # @return [Object] what the block returns
      # @raise [Errors::UsageError] there is one already
      def self.open(brokers: 1, topics: {}, &block)
        Testing.ensure_karafka_initialized!
        raise Errors::UsageError, "karafka.cluster needs a block; the cluster ends with it" unless block
        raise Errors::UsageError, "this process has a karafka.cluster already; only one at a time" unless LOCK.try_lock

        begin
          new(brokers, topics).run(&block)
        ensure
          LOCK.unlock
        end
      end

      # @param brokers [Integer]
      # @param topics [Hash{String, Symbol=>Integer}]
      def initialize(brokers, topics)
        @brokers = brokers
        @broker = Librdkafka.mock_broker(brokers)
        topics.each { |name, partitions| create_topic(name, partitions) }
      end

      # @api private
      # @yieldparam cluster [Cluster]
      # @return [Object] what the block returns
      def run
        kafka = App.config.kafka.to_h
        producer = own_producer
        App.config.kafka = kafka.merge(SETTINGS, "bootstrap.servers": bootstrap_servers)
        Buffering.route(producer) { yield self }
      ensure
        close(producer, kafka)
      end

      # @return [String] host:port of its brokers
      def bootstrap_servers
        @broker.bootstrap_servers
      end

      # @param name [String, Symbol]
      # @param partitions [Integer]
      # @return [void]
      def create_topic(name, partitions = 1)
        @broker.create_topic(name.to_s, partitions)
      end

      # Runs the server of the application in this process, until {#stop} or the end of the block. Its consumers run in threads
      # of their own: they do not see what a database transaction of the test has not committed.
      # @return [void]
      def start
        Embedded.start
        @started = true
      end

      # Stops the server: what runs ends, and `shutdown` of each consumer is called.
      # @return [void]
      def stop
        Embedded.stop if @started
        @started = false
      end

      # Waits until the block gives something true.
      # @param what [String] for the error
      # @param seconds [Numeric]
      # @return [Object] what the block gave
      # @raise [Errors::UsageError] it did not, in that time
      def wait_until(what = "the block", seconds: PATIENCE)
        deadline = Clock.now + seconds
        until (found = yield)
          raise Errors::UsageError, "waited for #{what} for #{seconds} s" if Clock.now > deadline

          sleep(0.01)
        end
        found
      end

      # Nobody can connect to it, and its connections end.
      # @param id [Integer] 1 or more
      # @return [void]
      def broker_down(id = 1)
        @broker.broker_down(id)
      end

      # @param id [Integer]
      # @return [void]
      def broker_up(id = 1)
        @broker.broker_up(id)
      end

      # Every answer of the brokers takes that long.
      # @param milliseconds [Integer] 0: none
      # @return [void]
      def slow(milliseconds)
        (1..@brokers).each { |id| @broker.round_trip_ms(id, milliseconds) }
      end

      # The next requests of that kind get an error instead of an answer.
      # @param request [String, Symbol] such as :produce, :fetch, :metadata, :offset_commit, :join_group, :heartbeat; an unknown one is
      #   refused with the names of all
      # @param error [Symbol, Integer] of a broker, such as :not_leader_for_partition or 6
      # @param times [Integer]
      # @return [void]
      # @raise [Errors::UsageError] no broker has such an error
      # @raise [Karafka::Errors::InvalidConfigurationError] no request has such a name
      def fail_requests(request, error, times: 1)
        name = request.to_s.gsub(/(?<=[a-z])(?=[A-Z])/, "_").downcase
        @broker.request_errors(name, Array.new(times, code(error)))
      end

      private

      def code(error)
        return error if error.is_a?(Integer)

        names = CODES.to_h { |number| [Native.kafka_error(number).first, number] }
        names[error.to_sym] || raise(Errors::UsageError, "no broker has an error #{error}.#{Setup.suggestion(error, names.keys)}")
      end

      # With the monitor and the logger of the application's, which keeps its middleware and stays what it is.
      def own_producer
        base = Karafka.producer.config
        WaterDrop::Producer.new do |config|
          config.inherit(base)
          config.id = "#{base.id}-cluster"
          config.kafka = base.kafka.to_h.merge("bootstrap.servers": bootstrap_servers)
        end
      end

      def close(producer, kafka)
        stop
      ensure
        producer&.close(0)
        App.config.kafka = kafka if kafka
        @broker.close
      end
    end
  end
end
