# frozen_string_literal: true

# The times of each alert, as `promtool test rules` checks them: just before it fires, when it does, and what must not make it fire.
class AlertTests
  HEAD = "# Written by `rake metrics:generate`. Run it with `promtool test rules alerts_test.yml`.\n"
  # Between two scrapes.
  INTERVAL = "30s"
  ORDERS = 'group="shop",topic="orders",instance="app-1:9394"'
  # Alert, series with their values from minute 0 on, when it is still silent, when it fires (nil: never), its labels and its summary.
  # `0x4` is 0 five times, `_x5` five times missing, `0+5x60` counts by fives.
  CASES = [
    ["KarafkaLag", { "karafka_topic_lag_seconds{#{ORDERS}}" => "0x9 301x60" }, "14m30s", "15m",
     { group: "shop", topic: "orders" }, "shop is 5m 1s behind in orders"],
    ["KarafkaLag", { "karafka_topic_lag_seconds{#{ORDERS}}" => "300x90" }, "45m"],
    ["KarafkaLag", { "karafka_topic_lag_seconds{#{ORDERS}}" => "0x9 400x18 0x60" }, "14m"],
    ["KarafkaBatchStuck", { "karafka_oldest_lease_seconds{#{ORDERS}}" => "0+30x30" }, "5m", "5m30s",
     { group: "shop", topic: "orders", instance: "app-1:9394" },
     "a batch of orders has been with a worker of app-1:9394 for 5m 30s"],
    ["KarafkaBatchStuck", { "karafka_oldest_lease_seconds{#{ORDERS}}" => "240x60" }, "30m"],
    ["KarafkaPollingStopped", { 'karafka_poll_age_seconds{group="shop",instance="app-1:9394"}' => "0+30x30" }, "1m30s", "2m",
     { group: "shop", instance: "app-1:9394" }, "the poll thread of shop on app-1:9394 has not come round for 2m 0s"],
    ["KarafkaPollingStopped", { 'karafka_poll_age_seconds{group="shop",instance="app-1:9394"}' => "30x30" }, "15m"],
    ["KarafkaNothingSucceeds",
     { "karafka_retried_messages_total{#{ORDERS}}" => "0+5x60", "karafka_consumed_messages_total{#{ORDERS}}" => "7x60" }, "5m", "5m30s",
     { group: "shop", topic: "orders" }, "every batch of orders fails in shop"],
    ["KarafkaNothingSucceeds",
     { "karafka_retried_messages_total{#{ORDERS}}" => "0+5x60", "karafka_consumed_messages_total{#{ORDERS}}" => "0+1x60" }, "30m"],
    ["KarafkaPartitionsPaused", { "karafka_paused_partitions{#{ORDERS},reason=\"operator\"}" => "2x60" }, "14m30s", "15m",
     { group: "shop", topic: "orders", reason: "operator" }, "2 partitions of orders are paused (operator)"],
    ["KarafkaPartitionsPaused", { "karafka_paused_partitions{#{ORDERS},reason=\"back_off\"}" => "2x60",
                                  "karafka_paused_partitions{#{ORDERS},reason=\"consumer\"}" => "2x60" }, "30m"],
    ["KarafkaDeadLetters", { "karafka_dead_letters_total{#{ORDERS}}" => "0x4 1x60" }, "2m", "2m30s",
     { group: "shop", topic: "orders" }, "messages of orders go to the dead letter queue"],
    # The process had its first one before it was scraped.
    ["KarafkaDeadLetters", { "karafka_dead_letters_total{#{ORDERS}}" => "_x5 1x60" }, "2m", "2m30s",
     { group: "shop", topic: "orders" }, "messages of orders go to the dead letter queue"],
    ["KarafkaDeadLetters", { "karafka_dead_letters_total{#{ORDERS}}" => "1x60" }, "20m"],
    ["KarafkaErrors", { 'karafka_errors_total{type="consumer.consume.error",instance="app-1:9394"}' => "0+6x60" }, "12m30s", "13m",
     { type: "consumer.consume.error" }, "errors of the type consumer.consume.error: 0.2 a second"],
    ["KarafkaErrors", { 'karafka_errors_total{type="consumer.consume.error",instance="app-1:9394"}' => "0x9 40x60" }, "14m"],
    ["KarafkaRebalancesOften", { 'karafka_rebalances_total{group="shop",cause="lost",instance="app-1:9394"}' => "0+1x60" },
     "10m", "10m30s",
     { group: "shop", instance: "app-1:9394" }, "shop on app-1:9394 has given partitions up 21 times in 15 minutes"],
    # A deploy of ten processes, one after the other; its own stops do not count.
    ["KarafkaRebalancesOften", { 'karafka_rebalances_total{group="shop",cause="revoked",instance="app-1:9394"}' => "0x9 0+1x9 10x60",
                                 'karafka_rebalances_total{group="shop",cause="stopping",instance="app-1:9394"}' => "0+1x60",
                                 'karafka_rebalances_total{group="shop",cause="assigned",instance="app-1:9394"}' => "0+1x60" }, "20m"],
    ["KarafkaCommitsFail", { 'karafka_commits_total{group="shop",result="failed",instance="app-1:9394"}' => "0+1x60" }, "7m30s", "8m",
     { group: "shop" }, "brokers refuse commits of shop"],
    ["KarafkaCommitsFail", { 'karafka_commits_total{group="shop",result="failed",instance="app-1:9394"}' => "0x9 2x60" }, "20m"],
    ["KarafkaProduceFails", { 'karafka_produce_failures_total{topic="mails",instance="app-1:9394"}' => "0x4 3x60" }, "2m", "2m30s",
     { topic: "mails" }, "messages to mails could not be delivered"],
    ["KarafkaProduceFails", { 'karafka_produce_failures_total{topic="mails",instance="app-1:9394"}' => "_x5 3x60" }, "2m", "2m30s",
     { topic: "mails" }, "messages to mails could not be delivered"],
    ["KarafkaProduceFails", { 'karafka_produce_failures_total{topic="mails",instance="app-1:9394"}' => "3x60" }, "20m"],
    ["KarafkaLockHeld", { 'karafka_gvl_wait_seconds_bucket{instance="app-1:9394",le="0.5"}' => "0x60",
                          'karafka_gvl_wait_seconds_bucket{instance="app-1:9394",le="1"}' => "0+9x60",
                          'karafka_gvl_wait_seconds_bucket{instance="app-1:9394",le="+Inf"}' => "0+9x60" }, "10m", "10m30s",
     { instance: "app-1:9394" }, "workers of app-1:9394 wait 995ms for Ruby's lock"],
    ["KarafkaLockHeld", { 'karafka_gvl_wait_seconds_bucket{instance="app-1:9394",le="0.5"}' => "0+9x60",
                          'karafka_gvl_wait_seconds_bucket{instance="app-1:9394",le="+Inf"}' => "0+9x60" }, "30m"],
    ["KarafkaMissing", { 'other{instance="app-1:9394"}' => "1x60" }, "4m30s", "5m", {}, "no process with karafka-rs is scraped"],
    ["KarafkaMissing", { 'karafka_info{instance="app-1:9394"}' => "1x60" }, "30m"]
  ].freeze

  # @param runbook [String] URL of the page
  # @param alerts [Array] see MetricsFiles::ALERTS
  def initialize(runbook, alerts)
    @runbook = runbook
    @severities = alerts.to_h { |alert| alert.values_at(0, 3) }
  end

  # @return [Hash] as promtool reads it
  def to_h
    { "rule_files" => ["alerts.yml"], "evaluation_interval" => INTERVAL, "tests" => CASES.map { |one| test(*one) } }
  end

  private

  def test(alert, series, silent_at, fires_at = nil, *shown)
    moments = [{ "eval_time" => silent_at, "alertname" => alert, "exp_alerts" => [] }]
    moments << { "eval_time" => fires_at, "alertname" => alert, "exp_alerts" => [fires(alert, *shown)] } if fires_at
    { "interval" => INTERVAL, "input_series" => series.map { |name, values| { "series" => name, "values" => values } },
      "alert_rule_test" => moments }
  end

  def fires(alert, labels, summary)
    { "exp_labels" => { "severity" => @severities.fetch(alert), **labels.transform_keys(&:to_s) },
      "exp_annotations" => { "summary" => summary, "runbook_url" => "#{@runbook}##{alert.downcase}" } }
  end
end
