# frozen_string_literal: true

namespace :metrics do
  desc "Write docs/metrics.json, and what is made from it, from the engine's catalogue"
  task :generate do
    $LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
    require "karafka"
    File.write(File.expand_path("../docs/metrics.json", __dir__), Karafka::Native.metrics_catalogue)
  end
end
