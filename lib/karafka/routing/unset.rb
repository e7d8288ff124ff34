# frozen_string_literal: true

module Karafka
  # Which topics are consumed, by which consumer, in which group, with which settings.
  module Routing
    # Stands for "called without an argument", so that nil and false can be given.
    UNSET = Object.new.freeze
  end
end
