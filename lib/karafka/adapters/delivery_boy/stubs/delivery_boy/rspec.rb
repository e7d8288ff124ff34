# frozen_string_literal: true

require "karafka/compat/delivery_boy"
require "rspec/core"

DeliveryBoy.test_mode!
RSpec.configure { |config| config.after { DeliveryBoy.testing.clear } }
