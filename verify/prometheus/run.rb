# frozen_string_literal: true

require "json"
require "securerandom"
require "tmpdir"
$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__))
require "karafka"
require_relative "../../spec/support/kafka_cluster"
require_relative "../../spec/support/prometheus_server"
require_relative "../../rakelib/metrics_files"
require_relative "alerting"
require_relative "chaos"

module Scraping
  # One run: what promtool says, chaos, then each alert.
  class Run
    AUTHORIZER = { "authorizer.class.name" => "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                   "allow.everyone.if.no.acl.found" => true }.freeze

    def initialize(seconds:, seed:, processes:, rate:, healthy:, only: nil)
      @seconds = seconds
      @seed = seed
      @processes = processes
      @rate = rate
      @healthy = healthy
      @only = only
      @violations = []
    end

    # @return [Boolean] whether everything held
    def call
      abort PrometheusTools.unavailable if PrometheusTools.unavailable
      say "seed #{@seed}"
      @dir = Dir.mktmpdir("verify-prometheus")
      say "journals and logs: #{@dir}"
      rules
      # A broker that is killed is nobody else's. Who has no rule may do anything.
      @cluster = KafkaCluster.new("verify-prometheus").up(properties: AUTHORIZER)
      figures = [(chaos unless @only == "alerts"), (alerts unless @only == "chaos")].compact.reduce({}, :merge)
      @violations.first(20).each { |text| say text }
      puts JSON.generate(verify: "prometheus", seed: @seed, seconds: @seconds, **figures, violations: @violations.size)
      FileUtils.rm_rf(@dir) if @violations.empty?
      @violations.empty?
    ensure
      @cluster&.down
    end

    private

    def rules
      directory = File.join(MetricsFiles::ROOT, "extra/prometheus")
      found = [%w[check rules --lint-fatal alerts.yml], %w[test rules alerts_test.yml]].map do |arguments|
        PrometheusTools.check(*arguments, dir: directory)
      end
      @violations.concat(found.reject(&:empty?))
    end

    def chaos
      chaos = Chaos.new(@cluster, room("chaos"), seconds: @seconds, random: Random.new(@seed), processes: @processes, rate: @rate)
      chaos.call.tap { @violations.concat(chaos.violations) }
    end

    def alerts
      alerting = Alerting.new(@cluster, room("alerts"), healthy: @healthy) { |text| say text }
      alerting.call.tap { @violations.concat(alerting.violations) }
    end

    def room(name) = File.join(@dir, name).tap { |dir| FileUtils.mkdir_p(dir) }
    def say(text) = warn(text)
  end
end
