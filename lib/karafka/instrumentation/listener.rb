# frozen_string_literal: true

module Karafka
  module Instrumentation
    # What Karafka 1.2 subscribed for its log, as it stands there: `Karafka.monitor.subscribe(Karafka::Instrumentation::Listener)`.
    Listener = LoggerListener.new
  end
end
