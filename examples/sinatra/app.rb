# frozen_string_literal: true

require "sinatra/base"
require_relative "karafka"

# Sends a message for each visit, and shows how many were consumed.
class Shop < Sinatra::Base
  get "/pages/:name" do
    # Waits for no broker: a request must not.
    Karafka.producer.produce_async(topic: "visits", key: params["name"], payload: "{}")
    "#{params["name"]} was visited #{VISITS[params["name"]]} times before\n"
  end
end
