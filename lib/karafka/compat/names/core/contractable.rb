# frozen_string_literal: true

module Karafka
  module Core
    # The names of karafka-core for {Contracts}.
    module Contractable
      Contract = Contracts::Base
      Result = Contracts::Result
    end
  end
end
