# frozen_string_literal: true

DeliveryBoy.configure do |config|
  config.delivery_interval = 1
end
