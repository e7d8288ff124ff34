# frozen_string_literal: true

module Karafka
  module OnRails
    # The adapter :karafka of Active Job, which an application names while it configures itself.
    module Jobs
      # Loads it together with Active Job.
      # @return [void]
      def self.follow
        require "active_support/lazy_load_hooks"
        ::ActiveSupport.on_load(:active_job) do
          # Not where that file is what loads Active Job.
          require_relative "../../active_job" if Karafka.autoload?(:ActiveJob)
        end
      end
    end
  end
end
