# frozen_string_literal: true

# Code written for the gem phobos, on this engine: `gem "karafka-rs", require: "karafka/compat/phobos"`.
require_relative "../../karafka"
require_relative "../adapters/entrance"
# phobos gives its applications the client of ruby-kafka, and raises its errors.
require_relative "ruby-kafka"

Karafka::Adapters::Entrance.open("phobos", stubs: File.expand_path("../adapters/phobos/stubs", __dir__))
require_relative "../adapters/phobos"
