# frozen_string_literal: true

module Karafka
  # Names of the library that Karafka and WaterDrop share, which other gems build their own monitors with.
  module Core
    # Events and those who subscribe to them.
    module Monitoring
      Monitor = Instrumentation::Monitor
      Event = Instrumentation::Event

      # A bus without any events: each is registered first.
      class Notifications < Instrumentation::Notifications
        def initialize
          super([], not_yet: [])
        end
      end
    end
  end
end
