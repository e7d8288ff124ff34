# frozen_string_literal: true

module Karafka
  # The name of 2016.
  BaseController = Consumers::Controller
end
