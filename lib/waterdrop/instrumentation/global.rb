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
  end

  @monitor = Karafka::Instrumentation::Monitor.new(
    Karafka::Instrumentation::Notifications.new(Instrumentation::GLOBAL_EVENTS.keys, not_yet: [])
  )

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
