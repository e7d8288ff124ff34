# frozen_string_literal: true

namespace :metrics do
  desc "Write docs/metrics.json, extra/prometheus and extra/grafana from the engine's catalogue"
  task :generate do
    $LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
    require "karafka"
    require_relative "metrics_files"
    MetricsFiles.new(Karafka::Native.metrics_catalogue).to_h.each { |path, text| File.write(File.join(MetricsFiles::ROOT, path), text) }
  end
end
