# frozen_string_literal: true

require "rails/generators"

module DeliveryBoy
  # `rails generate delivery_boy:install`
  class InstallGenerator < Rails::Generators::Base
    source_root File.expand_path("templates", __dir__)
    desc "Writes config/delivery_boy.yml"

    # @return [void]
    def create_config_file
      template "delivery_boy.yml", "config/delivery_boy.yml"
    end
  end
end
