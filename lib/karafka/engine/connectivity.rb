# frozen_string_literal: true

module Karafka
  class Engine
    # librdkafka repeats that it cannot reach a broker several times a second. People need that once, with what to look
    # at, and then less and less often while it lasts.
    class Connectivity
      # What may be wrong, by librdkafka's code.
      HINTS = {
        all_brokers_down: "no broker can be reached. Is Kafka running, is config.kafka[:\"bootstrap.servers\"] right, " \
                          "and does a firewall let this host through? `karafka broker` starts one for development.",
        transport: "the connection to a broker failed. It is tried again; nothing is lost.",
        resolve: "the name of a broker cannot be resolved. Check config.kafka[:\"bootstrap.servers\"] and, if that is right, " \
                 "the brokers' advertised.listeners.",
        ssl: "the TLS connection to a broker failed. Check config.kafka[:\"ssl.ca.location\"] and that the port is the TLS one.",
        authentication: "a broker refused the credentials. Check the sasl.* settings in config.kafka."
      }.freeze

      # What to look at, where each report is news: it may be about another topic.
      ADVICE = {
        unknown_topic_or_part: "compare the name with `karafka routes` and with Kafka's topics. " \
                               "It is consumed as soon as it is there."
      }.freeze

      # Seconds between two reports of the same trouble: 0, then doubling up to the last.
      FIRST_PAUSE = 10
      LONGEST_PAUSE = 300
      private_constant :FIRST_PAUSE, :LONGEST_PAUSE

      # What was said about one kind of trouble of one group.
      Trouble = Struct.new(:next_at, :pause, :silent)
      private_constant :Trouble

      # @param clock [#call] seconds that only grow
      def initialize(clock = Clock.method(:now))
        @clock = clock
        @troubles = {}
      end

      # @param event [Hash{Symbol=>Object}] an engine event of type :error
      # @return [Errors::KafkaError, nil] nil: that was said a short time ago
      def report(event)
        code = event[:code].to_s.delete_prefix("_").to_sym
        return error(event, code, (": #{ADVICE[code]}" if ADVICE.key?(code))) unless HINTS.key?(code) && !event[:fatal]

        silent = due(event[:group], code) or return
        repeated = " (#{silent} more since the last report)" if silent.positive?
        error(event, code, ": #{HINTS.fetch(code)}#{repeated}")
      end

      # A group has partitions, so it has a broker: what goes wrong next is news again.
      # @param group [String]
      # @return [void]
      def reached(group)
        @troubles.delete_if { |(owner, _), _| owner == group }
      end

      private

      # @return [Integer, nil] how many were kept silent; nil: be silent once more
      def due(group, code)
        trouble = (@troubles[[group, code]] ||= Trouble.new(0, FIRST_PAUSE, 0))
        now = @clock.call
        if now < trouble.next_at
          trouble.silent += 1
          return
        end

        silent = trouble.silent
        trouble.silent = 0
        trouble.next_at = now + trouble.pause
        trouble.pause = [trouble.pause * 2, LONGEST_PAUSE].min
        silent
      end

      def error(event, code, rest = "")
        Errors::KafkaError.new(
          "#{event[:message]}#{rest}", code: code, fatal: event[:fatal] || false, topic: event[:topic], partition: event[:partition]
        )
      end
    end
  end
end
