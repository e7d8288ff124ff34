# frozen_string_literal: true

# Code written for delivery_boy runs on karafka-rs: `gem "karafka-rs", require: "karafka/compat/delivery_boy"`. Its own
# `require "delivery_boy"` leads here from then on, too.
require_relative "ruby-kafka"
Karafka::Adapters::Entrance.open("delivery_boy", stubs: File.expand_path("../adapters/delivery_boy/stubs", __dir__))
require_relative "../adapters/delivery_boy"
