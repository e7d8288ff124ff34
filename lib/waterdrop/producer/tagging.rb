# frozen_string_literal: true

module WaterDrop
  class Producer
    # Labels that an application puts on a producer, for its listeners.
    module Tagging
      # @return [Karafka::Process::Tags]
      def tags
        @tags || @lifecycle.synchronize { @tags ||= Karafka::Process::Tags.new }
      end
    end
  end
end
