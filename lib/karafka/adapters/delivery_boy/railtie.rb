# frozen_string_literal: true

module DeliveryBoy
  # In Rails: its logger, its root and its environment.
  class Railtie < Rails::Railtie
    initializer "delivery_boy.load_config" do
      DeliveryBoy.logger = Rails.logger if Rails.logger
      DeliveryBoy.clear_config!
      config = DeliveryBoy::Config.new
      DeliveryBoy.instance_variable_set(:@config, config)
      config.load_application(Rails.root, Rails.env)
    end
  end
end
