# frozen_string_literal: true

require "json"
require "yaml"
require_relative "alert_tests"

# What is made from the catalogue of metrics: docs/metrics.json, alerts for Prometheus with their tests, and a dashboard for Grafana.
class MetricsFiles
  ROOT = File.expand_path("..", __dir__)
  RUNBOOK = "https://github.com/karafka-rs/karafka-rs/blob/main/docs/operations.md"
  # Something was counted within the time. `increase` does not see the first one of a process that was scraped for the first time
  # after it: a counter that is new and not 0 has counted, too.
  FIRST = lambda do |labels, counter, time|
    "sum by (#{labels}) (increase(#{counter}[#{time}])) > 0 or sum by (#{labels}) (#{counter} unless #{counter} offset #{time}) > 0"
  end
  # Name, expression, how long it has to hold, severity, what it means. Each has a section in docs/operations.md.
  ALERTS = [
    ["KarafkaLag", "max by (group, topic) (karafka_topic_lag_seconds) > 300", "10m", "warning",
     "{{ $labels.group }} is {{ $value | humanizeDuration }} behind in {{ $labels.topic }}"],
    ["KarafkaBatchStuck", "max by (instance, group, topic) (karafka_oldest_lease_seconds) > 240", "1m", "critical",
     "a batch of {{ $labels.topic }} has been with a worker of {{ $labels.instance }} for {{ $value | humanizeDuration }}"],
    ["KarafkaPollingStopped", "max by (instance, group) (karafka_poll_age_seconds) > 30", "1m", "critical",
     "the poll thread of {{ $labels.group }} on {{ $labels.instance }} has not come round for {{ $value | humanizeDuration }}"],
    ["KarafkaNothingSucceeds", "sum by (group, topic) (increase(karafka_retried_messages_total[15m])) > 0 and " \
                               "sum by (group, topic) (increase(karafka_consumed_messages_total[15m])) == 0", "5m", "critical",
     "every batch of {{ $labels.topic }} fails in {{ $labels.group }}"],
    ["KarafkaPartitionsPaused", "sum by (group, topic, reason) (karafka_paused_partitions{reason=~\"operator|refused\"}) > 0", "15m",
     "warning", "{{ $value }} partitions of {{ $labels.topic }} are paused ({{ $labels.reason }})"],
    ["KarafkaDeadLetters", FIRST.call("group, topic", "karafka_dead_letters_total", "10m"), "0m", "warning",
     "messages of {{ $labels.topic }} go to the dead letter queue"],
    ["KarafkaErrors", "sum by (type) (rate(karafka_errors_total[5m])) > 0.1", "10m", "warning",
     "errors of the type {{ $labels.type }}: {{ $value | printf \"%.1f\" }} a second"],
    ["KarafkaRebalancesOften",
     "sum by (instance, group) (increase(karafka_rebalances_total{cause=~\"revoked|lost|over_limit\"}[15m])) > 10",
     "5m", "warning",
     "{{ $labels.group }} on {{ $labels.instance }} has given partitions up {{ $value | printf \"%.0f\" }} times in 15 minutes"],
    ["KarafkaCommitsFail", "sum by (group) (increase(karafka_commits_total{result=\"failed\"}[10m])) > 5", "5m", "warning",
     "brokers refuse commits of {{ $labels.group }}"],
    ["KarafkaProduceFails", FIRST.call("topic", "karafka_produce_failures_total", "5m"), "0m", "critical",
     "messages to {{ $labels.topic }} could not be delivered"],
    ["KarafkaLockHeld", "histogram_quantile(0.99, sum by (instance, le) (rate(karafka_gvl_wait_seconds_bucket[5m]))) > 0.5",
     "10m", "warning", "workers of {{ $labels.instance }} wait {{ $value | humanizeDuration }} for Ruby's lock"],
    ["KarafkaMissing", "absent(karafka_info)", "5m", "critical", "no process with karafka-rs is scraped"]
  ].freeze
  HEAD = "# Written by `rake metrics:generate` from docs/metrics.json. Thresholds are a beginning: change them to your needs.\n"
  UNITS = { "seconds" => "s", "bytes" => "bytes" }.freeze
  QUANTILES = [0.5, 0.99].freeze
  WIDTH = 8

  # @param catalogue [String] JSON
  def initialize(catalogue)
    @text = catalogue
    @metrics = JSON.parse(catalogue)
  end

  # @return [Hash{String=>String}] text by path
  def to_h
    { "docs/metrics.json" => @text, "extra/prometheus/alerts.yml" => HEAD + YAML.dump(alerts, line_width: -1),
      "extra/prometheus/alerts_test.yml" => AlertTests::HEAD + YAML.dump(AlertTests.new(RUNBOOK, ALERTS).to_h, line_width: -1),
      "extra/grafana/karafka.json" => "#{JSON.pretty_generate(dashboard)}\n" }
  end

  # @return [Array<String>] metrics that an expression names and the catalogue lacks
  def self.unknown(expression, metrics)
    names = metrics.flat_map do |metric|
      metric["type"] == "histogram" ? %w[bucket sum count].map { |part| "#{metric["name"]}_#{part}" } : [metric["name"]]
    end
    expression.scan(/karafka_\w+/) - names
  end

  private

  def alerts
    rules = ALERTS.map do |name, expression, held, severity, summary|
      { "alert" => name, "expr" => expression, "for" => held, "labels" => { "severity" => severity },
        "annotations" => { "summary" => summary, "runbook_url" => "#{RUNBOOK}##{name.downcase}" } }
    end
    { "groups" => [{ "name" => "karafka", "rules" => rules }] }
  end

  def dashboard
    panels = @metrics.reject { |metric| metric["name"] == "karafka_info" }.map.with_index { |metric, index| panel(metric, index) }
    { "title" => "Karafka", "uid" => "karafka-rs", "schemaVersion" => 39, "tags" => ["karafka"],
      "time" => { "from" => "now-1h", "to" => "now" }, "refresh" => "30s",
      "templating" => { "list" => [datasource, variable("group"), variable("topic")] }, "panels" => panels }
  end

  def datasource
    { "name" => "datasource", "type" => "datasource", "query" => "prometheus" }
  end

  def variable(label)
    { "name" => label, "type" => "query", "datasource" => { "uid" => "${datasource}" }, "includeAll" => true, "multi" => true,
      "allValue" => ".*", "query" => "label_values(karafka_consumed_messages_total, #{label})", "refresh" => 2 }
  end

  def panel(metric, index)
    row, column = index.divmod(24 / WIDTH)
    { "id" => index + 1, "type" => "timeseries", "title" => title(metric), "description" => metric["meaning"],
      "datasource" => { "uid" => "${datasource}" }, "gridPos" => { "h" => 7, "w" => WIDTH, "x" => column * WIDTH, "y" => row * 7 },
      "fieldConfig" => { "defaults" => { "unit" => UNITS.fetch(metric["unit"], "short") } }, "targets" => targets(metric) }
  end

  def title(metric)
    words = metric["name"].delete_prefix("karafka_").delete_suffix("_total").tr("_", " ")
    metric["type"] == "counter" ? "#{words} a second" : words
  end

  def targets(metric)
    name, labels = metric.values_at("name", "labels")
    chosen = %w[group topic].select { |label| labels.include?(label) && !(label == "topic" && labels == ["topic"]) }
    chosen = chosen.map { |label| "#{label}=~\"$#{label}\"" }.join(",")
    chosen = "{#{chosen}}" unless chosen.empty?
    case metric["type"]
    when "counter" then [target(by(labels, "rate(#{name}#{chosen}[$__rate_interval])"), labels)]
    when "gauge" then [target("#{name}#{chosen}", ["instance", *labels])]
    else
      QUANTILES.map.with_index do |quantile, index|
        sums = by([*labels, "le"], "rate(#{name}_bucket#{chosen}[$__rate_interval])")
        target("histogram_quantile(#{quantile}, #{sums})", labels, "#{(quantile * 100).to_i} % ", index)
      end
    end
  end

  def by(labels, expression)
    labels.empty? ? "sum(#{expression})" : "sum by (#{labels.join(", ")}) (#{expression})"
  end

  def target(expression, labels, before = "", index = 0)
    { "refId" => ("A".ord + index).chr, "expr" => expression, "legendFormat" => before + labels.map { |label| "{{#{label}}}" }.join(" ") }
  end
end
