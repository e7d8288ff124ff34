# frozen_string_literal: true

module Karafka
  # The name of {Interchanger} in 2016.
  BaseInterchanger = Interchanger
end
