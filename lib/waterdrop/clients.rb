# frozen_string_literal: true

module WaterDrop
  # What `config.client_class` may be.
  module Clients
    # The engine, under the name that applications write.
    Rdkafka = Client
  end
end
