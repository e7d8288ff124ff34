# frozen_string_literal: true

require "json"
require "net/http"
require "time"
require "yaml"
require_relative "free_ports"
require_relative "prometheus_tools"
require_relative "wait"

# A Prometheus that scrapes, with its log at debug: that has a line for each scrape that failed.
class PrometheusServer
  # A line of the log: when, at which level, and its fields.
  Line = Struct.new(:at, :level, :fields)

  SCRAPE_SECONDS = 1

  # @param dir [String] for its data, its configuration and its log
  # @param targets [Array<Integer>] ports of this machine
  # @param rules [Hash, nil] groups of rules
  def initialize(dir, targets, rules: nil)
    @dir = dir
    @port = FreePorts.take.first
    FileUtils.mkdir_p(dir)
    File.write(File.join(dir, "rules.yml"), YAML.dump(rules)) if rules
    File.write(File.join(dir, "prometheus.yml"), YAML.dump(config(targets, rules)))
    found = PrometheusTools.check("check", "config", "prometheus.yml", dir: dir)
    raise found unless found.empty?
  end

  # @return [self] once it is ready
  def start
    @pid = Process.spawn(
      PrometheusTools.path("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=debug",
      "--web.listen-address=127.0.0.1:#{@port}", chdir: @dir, in: File::NULL, out: log, err: %i[child out]
    )
    Wait.wait_until("Prometheus to be ready, see #{log}") { ready? }
    self
  end

  # @param promql [String]
  # @param at [Float, nil] seconds since 1970; nil: now
  # @return [Array<Hash>] with "metric", and "value" or "values"
  def query(promql, at: nil)
    get("query", { query: promql, time: at }.compact).fetch("result")
  end

  # @return [Float, nil] of an expression with one result
  def value(promql) = query(promql).first&.then { |one| Float(one["value"].last) }

  # @return [Array<String>] names of the alerts that fire
  def firing
    alerts = get("alerts").fetch("alerts")
    alerts.select { |alert| alert["state"] == "firing" }.map { |alert| alert["labels"]["alertname"] }.uniq
  end

  # @return [Array<Line>] of the log
  def lines
    File.readlines(log).grep(/\Ats=/).map do |line|
      fields = line.scan(/(\w+)=("(?:[^"\\]|\\.)*"|\S*)/).to_h.transform_values { |text| text.delete_prefix('"').delete_suffix('"') }
      Line.new(Time.iso8601(fields.delete("ts")).to_f, fields.delete("level"), fields)
    end
  end

  def log = File.join(@dir, "log")

  def stop
    return unless @pid

    Process.kill(:TERM, @pid)
    Wait.wait_for_exit(@pid)
    @pid = nil
  end

  private

  def config(targets, rules)
    interval = "#{SCRAPE_SECONDS}s"
    { "global" => { "scrape_interval" => interval, "scrape_timeout" => interval, "evaluation_interval" => interval },
      "rule_files" => rules ? ["rules.yml"] : [],
      "scrape_configs" => [{ "job_name" => "karafka",
                             "static_configs" => [{ "targets" => targets.map { |port| "127.0.0.1:#{port}" } }] }] }
  end

  def ready?
    Net::HTTP.get_response(URI("http://127.0.0.1:#{@port}/-/ready")).code == "200"
  rescue SystemCallError
    false
  end

  def get(path, params = {})
    response = Net::HTTP.get_response(URI("http://127.0.0.1:#{@port}/api/v1/#{path}?#{URI.encode_www_form(params)}"))
    answer = JSON.parse(response.body)
    raise "Prometheus: #{answer["error"]} (#{params})" unless answer["status"] == "success"

    answer.fetch("data")
  end
end
