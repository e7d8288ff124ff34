# frozen_string_literal: true

# The checks of verify/brokers on the Kafka that KARAFKA_KAFKA_VERSION names.

require "securerandom"
require "tmpdir"
$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__), File.expand_path("../../spec", __dir__))
require "karafka"
require_relative "../../spec/support/kafka_cluster"
require_relative "fleet"
require_relative "messages"
require_relative "groups"
require_relative "neighbours"

module Brokers
  # A check that cannot run here, with the reason.
  Unavailable = Class.new(StandardError)
  # A check that did not hold.
  Violation = Class.new(StandardError)

  # What the checks share: the cluster, a directory, topics and a reader of what the log has.
  class Ground
    attr_reader :cluster, :dir, :count

    def initialize(cluster, count)
      @cluster = cluster
      @count = count
      @dir = Dir.mktmpdir("verify-brokers")
    end

    def servers = @cluster.bootstrap_servers
    def topic(partitions: 4) = @cluster.create_topic("compat-#{SecureRandom.hex(4)}", partitions: partitions)
    def group = "compat-#{SecureRandom.hex(4)}"

    # @yieldparam producer [WaterDrop::Producer] closed afterwards
    def producing(kafka = {})
      producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": servers, **kafka } }
      yield producer
    ensure
      producer&.close
    end

    # @raise [Violation]
    def expect(condition, text)
      raise Violation, text unless condition
    end

    # @raise [Violation] not within the time
    def wait_until(what, seconds: 60)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
      until (result = yield)
        raise Violation, "not within #{seconds} s: #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

        sleep 0.05
      end
      result
    end
  end

  # Runs the checks one after the other and prints a line for each.
  class Run
    CHECKS = { **Messages::CHECKS, **Groups::CHECKS, **Neighbours::CHECKS }.freeze

    def call
      version = KafkaLibraries::VERSION
      cluster = KafkaCluster.new("compat-#{version}").up
      ground = Ground.new(cluster, Integer(ENV.fetch("VERIFY_MESSAGES", "4000")))
      only = ENV.fetch("VERIFY_ONLY", nil)
      checks = only ? CHECKS.slice(only) : CHECKS
      abort "no check #{only}; there are #{CHECKS.keys.join(", ")}" if checks.empty?
      checks.map { |name, check| report(version, name, check, ground) }.all?
    ensure
      cluster&.down
    end

    private

    def report(version, name, check, ground)
      verdict = begin
        ["holds", check.call(ground)]
      rescue Unavailable => e
        ["none", e.message]
      rescue Violation, Karafka::Errors::BaseError, WaterDrop::Errors::BaseError => e
        ["BROKEN", "#{e.message} (#{e.class}; logs in #{ground.dir})"]
      end
      puts "Kafka #{version.ljust(6)} #{name.ljust(28)} #{verdict.first.ljust(7)} #{verdict.last}"
      $stdout.flush
      verdict.first != "BROKEN"
    end
  end
end

exit Brokers::Run.new.call
