# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      module Appsignal
        # Reports errors to AppSignal. It may be subscribed to a producer's monitor as well.
        #
        # @example
        #   Karafka.monitor.subscribe(Karafka::Instrumentation::Vendors::Appsignal::ErrorsListener.new)
        #   Karafka.producer.monitor.subscribe(Karafka::Instrumentation::Vendors::Appsignal::ErrorsListener.new)
        class ErrorsListener < Base
          # @param event [Event]
          # @return [void]
          def on_error_occurred(event)
            caller = event[:caller]
            client.report_error(event[:error]) do |transaction|
              transaction&.add_tags(type: event[:type], **(caller.is_a?(BaseConsumer) ? tags_of(caller) : {}))
            end
          end
        end
      end
    end
  end
end
