# frozen_string_literal: true

module Karafka
  module Instrumentation
    # The name of {LoggerListener} in Karafka 1.3 and 1.4.
    StdoutListener = LoggerListener
  end
end
