# frozen_string_literal: true

# What all producers of the process tell in one place.
module WaterDrop
  module Instrumentation
    # Events of {WaterDrop.monitor}, with the keys of the payload.
    GLOBAL_EVENTS = {
      "producer.created" => %i[producer producer_id],
      "producer.configured" => %i[producer producer_id config],
      "connection_pool.created" => %i[pool size timeout],
      "connection_pool.setup" => %i[pool size timeout],
      "connection_pool.reload" => %i[pool],
      "connection_pool.reloaded" => %i[pool],
      "connection_pool.shutdown" => %i[pool]
    }.freeze

    # The monitor of all producers together.
    class ClassMonitor < Karafka::Instrumentation::Monitor
      # @param notifications_bus [Karafka::Instrumentation::Notifications, nil] where events go; nil: a bus of its own
      # @param namespace [String, nil] as of {Monitor}
      def initialize(notifications_bus = nil, namespace = nil)
        super(notifications_bus || Karafka::Instrumentation::Notifications.new(GLOBAL_EVENTS.keys, not_yet: []), namespace)
      end
    end
  end

  @monitor = Instrumentation::ClassMonitor.new

  class << self
    # Where producers and pools are made known, for libraries that want to see every one of them. What a producer does, its
    # own monitor tells.
    #
    # @example
    #   WaterDrop.monitor.subscribe("producer.configured") { |event| event[:producer].middleware.append(tracer) }
    # @return [Karafka::Instrumentation::Monitor]
    attr_reader :monitor
    alias instrumentation monitor
  end
end
