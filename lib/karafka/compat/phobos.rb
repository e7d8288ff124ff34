# frozen_string_literal: true

# Code written for the gem phobos, on this engine: `gem "karafka-rs", require: "karafka/compat/phobos"`.
require_relative "../../karafka"
require_relative "../adapters/entrance"

Karafka::Adapters::Entrance.open("phobos", stubs: File.expand_path("../adapters/phobos/stubs", __dir__))
require_relative "../adapters/phobos"
