# frozen_string_literal: true

module Karafka
  # Version of the gem, and of the two crates it is built from.
  VERSION = "0.1.0"
end
