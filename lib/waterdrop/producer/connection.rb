# frozen_string_literal: true

module WaterDrop
  class Producer
    # Connections of a producer that sends nothing.
    module Connection
      # Gives up all connections and librdkafka's threads until the next message, which makes new ones. With
      # `idle_disconnect_timeout` it happens by itself.
      # @return [Boolean] false: messages are under way, or nothing was connected
      def disconnect
        return false unless disconnectable?

        @monitor.instrument("producer.disconnecting", { producer_id: id })
        [@client.disconnect, *own_lanes.map(&:disconnect)].any?
      end

      # @return [Boolean] connected, nothing is buffered or under way, and no transaction can be open
      def disconnectable?
        @pid == ::Process.pid && @client.respond_to?(:disconnect) && !transactional? && status.connected? && @messages.empty? &&
          queue_size.zero?
      end

      # @return [Status]
      def status
        idle = @state == :connected && @pid == ::Process.pid && @client.respond_to?(:disconnected?) && @client.disconnected?
        Status.new(idle ? :disconnected : @state)
      end
    end
  end
end
