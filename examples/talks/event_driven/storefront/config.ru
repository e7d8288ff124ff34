# frozen_string_literal: true

# A Rails service that tells what has happened, and knows nobody who listens.
#   puma --bind tcp://127.0.0.1:3000 config.ru
require "rails"
require "action_controller/railtie"
require "karafka/compat/delivery_boy" # of a Gemfile: gem "karafka-rs", require: "karafka/compat/delivery_boy"
require_relative "../events/registry"

class Storefront < Rails::Application
  config.root = __dir__
  config.eager_load = false
  config.logger = Logger.new($stdout)
  config.log_level = :warn
  config.hosts.clear
  config.secret_key_base = "not a secret: there are no sessions"
  routes.append { post "/orders" => "orders#create" }
end

# A later version of the service is a later version of the schema.
ORDER_PLACED = JSON.parse(File.read(File.expand_path("../events/#{ENV.fetch("ORDER_SCHEMA", "order_placed.avsc")}", __dir__)))
REGISTRY = Registry.new

class OrdersController < ActionController::API
  def create
    order = { "id" => Integer(params[:id]), "item" => params[:item], "amount" => Float(params[:amount]), "coupon" => params[:coupon] || "" }
    # Waits for no broker. Puma sends what is left when it stops.
    DeliveryBoy.deliver_async(REGISTRY.encode("orders-value", ORDER_PLACED, order), topic: "orders", key: params[:id])
    head :accepted
  end
end

Storefront.initialize!
run Storefront
