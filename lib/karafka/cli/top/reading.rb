# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # What is known of one process at one moment: a look at its states, or why there is none.
      #
      # `silent_ms`: how long it has not answered; nil: it never did.
      Reading = Struct.new(:name, :look, :error, :next_step, :silent_ms, keyword_init: true) do
        # @return [Hash{String=>Object}, nil]
        def state = look&.now
      end
    end
  end
end
