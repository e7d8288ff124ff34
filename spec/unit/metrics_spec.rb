# frozen_string_literal: true

require "json"

RSpec.describe "docs/metrics.json" do
  root = File.expand_path("../..", __dir__)
  file = File.join(root, "docs/metrics.json")

  let(:catalogue) { JSON.parse(File.read(file)) }

  it "is what the engine says (rake metrics:generate writes it)" do
    expect(File.read(file)).to eq(Karafka::Native.metrics_catalogue)
  end

  it "keeps to the naming conventions of Prometheus" do
    catalogue.each do |metric|
      name = metric.fetch("name")
      expect(name).to match(/\Akarafka_[a-z_]+\z/)
      expect(name.end_with?("_total") || name == "karafka_dead_letters_total").to eq(metric["type"] == "counter"), name
      expect(name).to include("_#{metric["unit"]}") if %w[seconds bytes].include?(metric["unit"])
      expect(metric["meaning"]).to end_with(".")
      expect(%w[counter gauge histogram]).to include(metric["type"])
    end
    expect(catalogue.map { |metric| metric["name"] }).to match_array(catalogue.map { |metric| metric["name"] }.uniq)
  end

  it "names events that exist" do
    events = catalogue.filter_map { |metric| metric["event"] }
    known = Karafka::Instrumentation::Events::EMITTED.keys + WaterDrop::Instrumentation::EVENTS.keys
    expect(events - known).to be_empty
  end
end
