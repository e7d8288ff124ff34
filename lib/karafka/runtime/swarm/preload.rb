# frozen_string_literal: true

module Karafka
  module Swarm
    # Loads what the nodes would load each for itself, so that they share its memory.
    module Preload
      # @return [void]
      def self.call
        rails = defined?(::Rails.application) && ::Rails.application
        rails ? rails.eager_load! : Zeitwerk::Loader.eager_load_all
        App.warmup
      end
    end
    private_constant :Preload
  end
end
