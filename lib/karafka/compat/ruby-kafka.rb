# frozen_string_literal: true

# Code written for ruby-kafka runs on karafka-rs: `gem "karafka-rs", require: "karafka/compat/ruby-kafka"`. Its own `require "kafka"`
# leads here from then on, too.
require_relative "../adapters/entrance"
Karafka::Adapters::Entrance.open("ruby-kafka", stubs: File.expand_path("../adapters/ruby_kafka/stubs", __dir__))
require "karafka"
require_relative "../adapters/ruby_kafka"
