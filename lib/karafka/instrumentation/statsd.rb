# frozen_string_literal: true

module Karafka
  module Instrumentation
    # Sends metrics to a StatsD or DogStatsD agent over UDP, or a Unix socket of datagrams, without a gem. Metrics wait up to {FLUSH_S}
    # seconds for others, as a packet costs more than what is in it. Nobody waits for the agent, and nothing is raised once the object
    # is made: what the system does not take is counted in {#unsent} and logged at growing intervals.
    #
    # @example
    #   statsd = Karafka::Instrumentation::Statsd.new("127.0.0.1", 8125)
    #   statsd.count("orders", 3, tags: ["shop:1"])
    class Statsd
      # Seconds that a metric waits for others in its packet.
      FLUSH_S = 0.1
      # Seconds between two attempts to reach an agent that is away.
      RETRY_S = 5
      # What an Ethernet takes in one piece, and what Datadog's agent reads at once of a Unix socket or of its own machine.
      MOST_BYTES = 1_432
      MOST_LOCAL_BYTES = 8_192
      # Types of metrics in a packet.
      TYPES = { count: "c", gauge: "g", timing: "ms", histogram: "h", distribution: "d" }.freeze
      # Those whose metrics leave when the process ends.
      OPEN = ObjectSpace::WeakMap.new
      private_constant :RETRY_S, :TYPES, :MOST_BYTES, :MOST_LOCAL_BYTES, :OPEN

      at_exit { OPEN.each_key(&:flush) }

      # @return [String] where it sends, for people
      attr_reader :address
      # @return [Integer] metrics that the system took. UDP does not say whether they arrived, but refused ones are not counted here
      attr_reader :sent
      # @return [Integer] metrics that were refused
      attr_reader :unsent

      # @param host [String] by default DD_AGENT_HOST, else this machine
      # @param port [Integer, String] by default DD_DOGSTATSD_PORT, else 8125
      # @param socket_path [String, nil] a Unix socket instead of host and port
      # @param tags [Boolean] false for an agent that knows no tags: their values become parts of the name
      # @param clock [#call] seconds that only grow
      # @raise [Errors::InvalidConfigurationError] the port is none
      def initialize(host = ENV["DD_AGENT_HOST"] || "127.0.0.1", port = ENV["DD_DOGSTATSD_PORT"] || 8125, socket_path: nil, tags: true,
                     clock: Clock.method(:now))
        # Not loaded by a process without such a sender.
        require "socket"
        @host = host
        @port = socket_path ? nil : port_of(port)
        @path = socket_path
        @address = socket_path || "#{host}:#{@port}"
        @lines = tags ? Lines.new : Lines::Untagged.new
        @clock = clock
        @mutex = Mutex.new
        @sent = @unsent = 0
        @repeats = Diagnosis::Repeats.new(clock)
        @most_bytes = MOST_BYTES
        empty
        connect
        OPEN[self] = true
      end

      # @param name [String]
      # @param value [Integer]
      # @param tags [Array<String>] such as "topic:orders"
      # @return [void]
      def count(name, value, tags: [])
        metric(name, value, :count, tags)
      end

      # @param name [String]
      # @return [void]
      def increment(name, by: 1, tags: [])
        count(name, by, tags: tags)
      end

      # @param name [String]
      # @return [void]
      def decrement(name, by: 1, tags: [])
        count(name, -by, tags: tags)
      end

      # @param name [String]
      # @param value [Numeric]
      # @return [void]
      def gauge(name, value, tags: [])
        metric(name, value, :gauge, tags)
      end

      # @param name [String]
      # @param milliseconds [Numeric]
      # @return [void]
      def timing(name, milliseconds, tags: [])
        metric(name, milliseconds, :timing, tags)
      end

      # @param name [String]
      # @param value [Numeric]
      # @return [void]
      def histogram(name, value, tags: [])
        metric(name, value, :histogram, tags)
      end

      # @param name [String]
      # @param value [Numeric]
      # @return [void]
      def distribution(name, value, tags: [])
        metric(name, value, :distribution, tags)
      end

      # @param metrics [Array<Array(Symbol, String, Integer)>] kinds, as the methods above are called, names, and digits behind the point
      #   (none: whole numbers)
      # @param tags [Array<String>]
      # @return [Form] for metrics that always come together: less work than one by one
      def form(metrics, tags: [])
        Form.new(self, @lines, metrics, tags)
      end

      # @api private
      # @param lines [String] of metrics, without the last line end
      # @param count [Integer] metrics in it
      # @return [void]
      def write(lines, count)
        return lines.each_line(chomp: true) { |line| write(line, 1) } && nil if count > 1 && lines.bytesize > @most_bytes

        full = @mutex.synchronize { add(lines, count) }
        send_packet(*full) if full
        nil
      rescue StandardError => e
        lost(e)
      end

      # Sends what is counted in the block once it ends.
      # @yieldparam statsd [Statsd] itself
      # @return [Object] what the block returns
      def batch
        yield self
      ensure
        flush
      end

      # Sends what waits, without waiting for more.
      # @return [void]
      def flush
        send_packet(*@mutex.synchronize { left_by_parent? ? empty : take })
      end

      # @return [void]
      def close
        flush
        @mutex.synchronize do
          @closed = true
          @socket&.close
          @socket = nil
        end
      end

      private

      def port_of(given)
        port = Integer(given, exception: false)
        return port if port&.between?(1, 65_535)

        raise Errors::InvalidConfigurationError, "the port of StatsD is #{given.inspect}, but must be an Integer from 1 to 65535"
      end

      def metric(name, value, kind, tags)
        write(@lines.line(name, value, TYPES.fetch(kind), tags), 1)
      rescue StandardError => e
        lost(e)
      end

      # @return [Array(String, Integer), nil] a packet that has no room for the lines
      def add(lines, count)
        empty if left_by_parent?
        full = take if @count.positive? && @packet.bytesize + lines.bytesize > @most_bytes
        @packet << lines << "\n"
        @count += count
        @thread = Thread.new { send_later } unless @thread&.alive?
        full
      end

      # In a fork, where the thread is gone: what waited there is the parent's, who sends it.
      def left_by_parent?
        @count.positive? && !@thread.alive?
      end

      # @return [Array(nil, Integer)] no packet
      def empty
        @packet = String.new(capacity: @most_bytes)
        [nil, @count = 0]
      end

      # @return [Array(String, Integer)] the packet, and how many metrics it has
      def take
        [@packet.chomp!, @count].tap { empty }
      end

      # A thread that lives while there is something to send.
      def send_later
        Thread.current.name = "karafka.statsd"
        loop do
          sleep FLUSH_S
          packet = @mutex.synchronize { @count.positive? ? take : (return @thread = nil) }
          send_packet(*packet)
        end
      end

      # @param count [Integer] metrics in it
      def send_packet(packet, count)
        return if count.zero?

        socket = @socket
        return lost(nil, count) unless socket

        taken = push(socket, packet, count)
        taken == :wait_writable ? lost(Errno::EAGAIN.new, count) : @mutex.synchronize { @sent += count }
      rescue StandardError => e
        lost(e, count)
      end

      def push(socket, packet, count)
        socket.sendmsg_nonblock(packet, exception: false)
      rescue Errno::ECONNREFUSED => e
        raise if @path

        # That is the answer to an earlier one; this one has not been sent yet.
        lost(e, count)
        @mutex.synchronize { @sent -= count }
        socket.sendmsg_nonblock(packet, exception: false)
      end

      def lost(error, count = 1)
        @mutex.synchronize { @unsent += count }
        reach_again unless error.is_a?(Errno::EAGAIN)
        silent = @repeats.due(error.class)
        return unless silent

        reason = error ? error.message : @reason
        Karafka.logger.warn("StatsD at #{@address} does not take metrics: #{reason}#{Diagnosis::Repeats.count(silent)}")
      rescue StandardError => e
        Safely.say("StatsD at #{@address} does not take metrics, and the logger raised #{e.class}")
      end

      # Beside whoever sends: a name may take long to resolve. The agent may have another address by now.
      def reach_again
        now = @clock.call
        return if @closed || (@again_at && now < @again_at)

        @again_at = now + RETRY_S
        Thread.new { connect }.name = "karafka.statsd"
      end

      def connect
        target = @path ? Addrinfo.unix(@path, :DGRAM) : Addrinfo.udp(@host, @port)
        socket = Socket.new(target.pfamily, :DGRAM)
        socket.connect(target)
        former = @mutex.synchronize { @closed ? socket : @socket.tap { @socket = socket } }
        @most_bytes = @path || target.ipv4_loopback? || target.ipv6_loopback? ? MOST_LOCAL_BYTES : MOST_BYTES
        former&.close
      rescue StandardError => e
        socket&.close
        @reason = e.message
      end
    end
  end
end
