# frozen_string_literal: true

require "json"

module Karafka
  module Swarm
    # What a node has said of itself last, and what is wrong with it. The engine says it, once a second and without Ruby's lock.
    class Health
      # Why a node has to go. `status` is Karafka's number: -1 it does not answer, 1 it does not poll, 2 a batch does not end,
      # 3 it has too much memory.
      Trouble = Struct.new(:status, :reason)

      # @return [Symbol] :starting, :running, :stopping, :failed
      attr_reader :state
      # @return [Float] when it was heard, by {Clock}
      attr_reader :heard_at

      # @param now [Float]
      def initialize(now)
        @heard_at = now
        @said = {}
        @state = :starting
        @rest = ""
      end

      # Reads what the node has written since the last time.
      # @param pipe [IO]
      # @param now [Float]
      # @return [void]
      def read(pipe, now)
        text = @rest
        while (more = pipe.read_nonblock(65_536, exception: false)).is_a?(String)
          text += more
        end
        return if text.empty?

        # The last one may still be on its way.
        *lines, @rest = text.split("\n", -1)
        note(lines.last, now) if lines.any?
      end

      # Time in which the supervisor itself did not run is no silence of the node.
      # @param seconds [Float]
      # @return [void]
      def excuse(seconds)
        @heard_at += seconds
      end

      # @return [Boolean] whether each of its clients has its partitions
      def joined?
        @said[:joined] == true
      end

      # @return [Boolean] whether it takes no new work, and no batch runs any more
      def quiet?
        @said[:quiet] == true
      end

      # @param now [Float]
      # @param limits [Setup::Config::Swarm]
      # @param memory [Integer, nil] MB
      # @return [Trouble, nil]
      def trouble(now, limits, memory)
        silence = ((now - @heard_at) * 1_000).round
        timeout = limits.node_report_timeout
        return Trouble.new(-1, "it has given no sign of life for #{silence} ms") if silence > timeout

        polled = @said[:poll_age_ms].to_i
        return Trouble.new(1, "one of its poll threads has not come round for #{polled} ms") if polled > timeout

        overdue(@said[:overdue]) || fat(memory, limits.node_memory_limit)
      end

      private

      def note(line, now)
        @said = JSON.parse(line, symbolize_names: true)
        @state = @said.fetch(:state).to_sym
        @heard_at = now
      rescue JSON::ParserError, KeyError => e
        # No sign of life: what the application writes into the pipe by mistake must not keep a dead node.
        Karafka.logger.warn("a node of the swarm has written #{line.inspect[0, 200]}, which is not its state: #{e.class}")
      end

      def overdue(lease)
        return unless lease

        place = "#{lease[:topic]}/#{lease[:partition]}"
        Trouble.new(2, "#{place} is being processed for #{lease[:age_ms]} ms, longer than its long_running_limit")
      end

      def fat(memory, limit)
        return if limit.nil? || memory.nil? || memory <= limit

        Trouble.new(3, "it has #{memory} MB of memory, more than config.swarm.node_memory_limit (#{limit})")
      end
    end
  end
end
