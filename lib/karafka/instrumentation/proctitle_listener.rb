# frozen_string_literal: true

module Karafka
  module Instrumentation
    # Shows the state of the process in `ps`: "karafka app-client (running)".
    class ProctitleListener
      %w[initializing initialized running supervising quieting quiet stopping stopped terminated].each do |status|
        define_method(:"on_app_#{status}") do |_event|
          ::Process.setproctitle("karafka #{App.config.client_id} (#{status})")
        end
      end
    end
  end
end
