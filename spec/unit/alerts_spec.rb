# frozen_string_literal: true

require "json"
require "yaml"
require "support/http_probe"
require "support/prometheus_tools"
require_relative "../../rakelib/metrics_files"

# What Prometheus' own tool says of the alerts and of the text that it scrapes.
RSpec.describe "alerts and metrics, checked by promtool" do
  directory = File.join(MetricsFiles::ROOT, "extra/prometheus")

  before { skip(PrometheusTools.unavailable) if PrometheusTools.unavailable }

  it "alerts.yml is valid" do
    expect(PrometheusTools.check("check", "rules", "--lint-fatal", "alerts.yml", dir: directory)).to eq("")
  end

  it "each alert fires when it should, not before, and not for what is no trouble" do
    expect(PrometheusTools.check("test", "rules", "alerts_test.yml", dir: directory)).to eq("")
    names = YAML.load_file(File.join(directory, "alerts.yml"))["groups"].flat_map { |group| group["rules"] }.map { |rule| rule["alert"] }
    moments = YAML.load_file(File.join(directory, "alerts_test.yml"))["tests"].flat_map { |test| test["alert_rule_test"] }
    firing, silent = moments.partition { |moment| moment["exp_alerts"].any? }
    expect(firing.map { |moment| moment["alertname"] }.uniq).to match_array(names)
    expect(silent.map { |moment| moment["alertname"] }.tally).to match(names.to_h { |name| [name, be >= 2] })
  end

  it "says what is wrong where a rule is" do
    wrong = YAML.dump("groups" => [{ "name" => "a", "rules" => [{ "alert" => "A", "expr" => "sum by (x" }] }])
    Dir.mktmpdir do |dir|
      File.write(File.join(dir, "rules.yml"), wrong)
      expect(PrometheusTools.check("check", "rules", "rules.yml", dir: dir)).to match(/could not parse expression/)
    end
    expect(PrometheusTools.check("check", "metrics", input: "# TYPE a_count counter\na_count 1\n")).to match(/no help text/)
  end

  # The other metrics, in a process that works: spec/integration/observing_spec.rb
  it "finds nothing wrong with what a process shows that does nothing" do
    Karafka::Native.count_error("a \"strange\"\\ type\n")
    text = Karafka::Engine::Observer.new.metrics
    expect(text).to include("karafka_info{", "karafka_errors_total{")
    expect(PrometheusTools.check("check", "metrics", input: text)).to eq("")
  end
end
