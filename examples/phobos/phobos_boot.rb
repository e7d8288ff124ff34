# frozen_string_literal: true

require_relative "app/orders_handler"
