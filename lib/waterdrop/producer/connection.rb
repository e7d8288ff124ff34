# frozen_string_literal: true

module WaterDrop
  class Producer
    # Connections of a producer that sends nothing, and what can be asked over them.
    module Connection
      TOPIC = Karafka::Setup::Types::NAME
      private_constant :TOPIC

      # @param topic [String, Symbol]
      # @return [Integer] partitions of the topic; asks the broker at most every 30 seconds
      # @raise [ArgumentError] no topic can have that name
      # @raise [Karafka::Errors::KafkaError]
      def partition_count(topic)
        raise ArgumentError, "the topic is #{topic.inspect}, but must be #{TOPIC.description}" unless TOPIC.allowed?(TOPIC.convert(topic))

        with_client { |client| client.partition_count(topic) }
      end

      # Asks once; creates none of them, as other questions about a topic do where brokers create topics.
      # @api private
      # @param names [Array<String>]
      # @return [Array(Array<String>, Symbol), nil] those that are missing, and whether brokers create them: `:on`, `:off`,
      #   `:unsaid` (such as for want of a right) or `:unanswered` within a second; nil: no answer within a second
      # @raise [Karafka::Errors::BaseError]
      def missing_topics(names)
        with_client { |client| client.missing_topics(names) }
      end

      # Gives up all connections and librdkafka's threads until the next message, which makes new ones. With
      # `idle_disconnect_timeout` it happens by itself.
      # @return [Boolean] false: messages are under way, a transaction is open, or nothing was connected
      def disconnect
        return false unless disconnectable?

        @disconnecting = true
        @monitor.instrument("producer.disconnecting", { producer_id: id })
        [@client.disconnect, *own_lanes.map(&:disconnect)].any?
      ensure
        @disconnecting = false
      end

      # @return [Boolean] connected, nothing is buffered or under way, and no transaction is open
      def disconnectable?
        @pid == ::Process.pid && @client.respond_to?(:disconnect) && !@transaction && status.connected? && @messages.empty? &&
          queue_size.zero?
      end

      # Makes librdkafka's client and the logger say everything. Before the first message, since a client keeps its settings.
      # @param contexts [String] librdkafka's debug contexts
      # @return [Boolean] false: it is connected, or closed
      def debug!(contexts = "all")
        configured!
        @lifecycle.synchronize do
          next false unless @state == :configured

          @config.logger.level = ::Logger::DEBUG if @config.logger.respond_to?(:level=)
          @config.kafka[:debug] = contexts
          adopt(@config)
          true
        end
      end

      # @return [Status] always of now, also where it is kept
      attr_reader :status

      private

      def current_state
        return @state unless %i[configured connected].include?(@state)
        return :fenced if @finished
        return @state unless @state == :connected && @pid == ::Process.pid && @client.respond_to?(:disconnected?)
        return :disconnecting if @disconnecting

        @client.disconnected? ? :disconnected : :connected
      end
    end
  end
end
