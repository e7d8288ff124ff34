# frozen_string_literal: true

# Code written for the gem racecar, on this engine: `gem "karafka-rs", require: "karafka/compat/racecar"`.
require_relative "../../karafka"
require_relative "../adapters/entrance"

Karafka::Adapters::Entrance.open("racecar", stubs: File.expand_path("../adapters/racecar/stubs", __dir__))
require_relative "../adapters/racecar"
