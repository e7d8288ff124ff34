# frozen_string_literal: true

module Karafka
  # The name of {Contracts} in 1.2.
  Schemas = Contracts
end
