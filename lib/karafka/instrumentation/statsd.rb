# frozen_string_literal: true

require "socket"

module Karafka
  module Instrumentation
    # Sends metrics to a StatsD or DogStatsD agent over UDP, or a Unix socket of datagrams, without a gem. It waits for nothing and
    # raises nothing once it is made: what the system does not take is counted in {#unsent} and logged at growing intervals.
    #
    # @example
    #   statsd = Karafka::Instrumentation::Statsd.new("127.0.0.1", 8125)
    #   statsd.count("orders", 3, tags: ["shop:1"])
    class Statsd
      # Seconds between two attempts to reach an agent that is away.
      RETRY_S = 5
      # Not a part of a name or a tag: they end one.
      RESERVED = /[|:@#,\r\n]/
      # Of a packet, so that it crosses an Ethernet in one piece.
      MOST_BYTES = 1_432
      private_constant :RETRY_S, :RESERVED, :MOST_BYTES

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
        @host = host
        @port = socket_path ? nil : port_of(port)
        @path = socket_path
        @address = socket_path || "#{host}:#{@port}"
        @tags = tags
        @clock = clock
        @mutex = Mutex.new
        @sent = @unsent = 0
        @together = :"karafka.statsd.#{object_id}"
        @repeats = Diagnosis::Repeats.new(clock)
        connect
      end

      # @param name [String]
      # @param value [Integer]
      # @param tags [Array<String>] such as "topic:orders"
      # @return [void]
      def count(name, value, tags: [])
        metric(name, value, "c", tags)
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
        # Plain StatsD takes a sign for a change.
        metric(name, 0, "g", tags) if !@tags && value.negative?
        metric(name, value, "g", tags)
      end

      # @param name [String]
      # @param milliseconds [Numeric]
      # @return [void]
      def timing(name, milliseconds, tags: [])
        metric(name, milliseconds, "ms", tags)
      end

      # @param name [String]
      # @param value [Numeric]
      # @return [void]
      def histogram(name, value, tags: [])
        metric(name, value, @tags ? "h" : "ms", tags)
      end

      # @param name [String]
      # @param value [Numeric]
      # @return [void]
      def distribution(name, value, tags: [])
        metric(name, value, @tags ? "d" : "ms", tags)
      end

      # Sends what this thread counts in the block together, in as few packets as it fits into: sending costs more than counting.
      # @yieldparam statsd [Statsd] itself
      # @return [Object] what the block returns
      def batch
        return yield self if Thread.current[@together]

        lines = Thread.current[@together] = []
        begin
          yield self
        ensure
          Thread.current[@together] = nil
          flush(lines)
        end
      end

      # @return [void]
      def close
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

      def metric(name, value, type, tags)
        line = line(name, value, type, tags)
        lines = Thread.current[@together]
        lines ? lines << line : deliver(line)
        nil
      rescue StandardError => e
        lost(e)
      end

      def flush(lines)
        until lines.empty?
          bytes = 0
          count = lines.take_while { |line| (bytes += line.bytesize + 1) <= MOST_BYTES }.size.clamp(1, nil)
          send_together(lines.shift(count))
        end
      end

      def send_together(lines)
        deliver(lines.join("\n"), lines.size)
      rescue StandardError => e
        lost(e, lines.size)
      end

      def line(name, value, type, tags)
        name = name.to_s.gsub(RESERVED, "_")
        value = value.round(3) if value.is_a?(Float)
        return "#{[name, *tags.map { |tag| part(tag) }].join(".")}:#{value}|#{type}" unless @tags
        return "#{name}:#{value}|#{type}" if tags.empty?

        "#{name}:#{value}|#{type}|##{tags.map { |tag| tag.to_s.gsub(/[|,\r\n]/, "_") }.join(",")}"
      end

      def part(tag)
        tag.to_s.split(":", 2).last.to_s.gsub(/[^\w-]/, "_")
      end

      # @param count [Integer] metrics in it
      def deliver(datagram, count = 1)
        socket = @socket
        return lost(nil, count) unless socket

        taken = push(socket, datagram, count)
        taken == :wait_writable ? lost(Errno::EAGAIN.new, count) : @mutex.synchronize { @sent += count }
      end

      def push(socket, datagram, count)
        socket.sendmsg_nonblock(datagram, exception: false)
      rescue Errno::ECONNREFUSED => e
        raise if @path

        # That is the answer to an earlier one; this one has not been sent yet.
        lost(e, count)
        @mutex.synchronize { @sent -= count }
        socket.sendmsg_nonblock(datagram, exception: false)
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
        former&.close
      rescue StandardError => e
        socket&.close
        @reason = e.message
      end
    end
  end
end
