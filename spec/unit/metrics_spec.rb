# frozen_string_literal: true

require "json"
require_relative "../../rakelib/metrics_files"

RSpec.describe "the catalogue of metrics" do
  root = MetricsFiles::ROOT

  let(:catalogue) { JSON.parse(Karafka::Native.metrics_catalogue) }
  let(:alerts) { YAML.load_file(File.join(root, "extra/prometheus/alerts.yml"))["groups"].flat_map { |group| group["rules"] } }
  let(:panels) { JSON.parse(File.read(File.join(root, "extra/grafana/karafka.json")))["panels"] }

  %w[docs/metrics.json extra/prometheus/alerts.yml extra/prometheus/alerts_test.yml extra/grafana/karafka.json].each do |path|
    it "is what #{path} was made from; `rake metrics:generate` makes it anew" do
      expect(File.read(File.join(root, path))).to eq(MetricsFiles.new(Karafka::Native.metrics_catalogue).to_h.fetch(path))
    end
  end

  it "keeps to the naming conventions of Prometheus" do
    catalogue.each do |metric|
      name = metric.fetch("name")
      expect(name).to match(/\Akarafka_[a-z_]+\z/)
      expect(name.end_with?("_total")).to eq(metric["type"] == "counter"), name
      expect(name).to include("_#{metric["unit"]}") if %w[seconds bytes].include?(metric["unit"])
      expect(metric["meaning"]).to end_with(".")
      expect(%w[counter gauge histogram]).to include(metric["type"])
    end
    expect(catalogue.map { |metric| metric["name"] }.tally.values.uniq).to eq([1])
  end

  it "names events that exist" do
    known = Karafka::Instrumentation::Events::EMITTED.keys + WaterDrop::Instrumentation::EVENTS.keys
    expect(catalogue.filter_map { |metric| metric["event"] } - known).to be_empty
  end

  it "has each metric that an alert or a panel asks for, and a panel for each" do
    expressions = alerts.map { |alert| alert["expr"] } + panels.flat_map { |panel| panel["targets"] }.map { |target| target["expr"] }
    expect(expressions.flat_map { |expression| MetricsFiles.unknown(expression, catalogue) }).to be_empty
    expect(panels.size).to eq(catalogue.size - 1)
  end

  it "has a section of docs/operations.md for each alert, which says what to do" do
    headings = File.read(File.join(root, "docs/operations.md")).scan(/^### (Karafka\w+)$/).flatten
    expect(headings).to match_array(alerts.map { |alert| alert["alert"] })
    alerts.each { |alert| expect(alert["annotations"]["runbook_url"]).to end_with("operations.md##{alert["alert"].downcase}") }
  end
end
