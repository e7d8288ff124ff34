# frozen_string_literal: true

# Workers that prepend modules of the gem worker-glass: `gem "karafka-rs", require: ["karafka", "karafka/compat/worker-glass"]`.
require_relative "../adapters/entrance"

Karafka::Adapters::Entrance.open("worker-glass", stubs: File.expand_path("../adapters/worker_glass/stubs", __dir__))
require_relative "../adapters/worker_glass"
