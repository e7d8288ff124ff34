# frozen_string_literal: true

# What bin/test runs. Each stage goes on after the one before failed; the last line has the counts.

require_relative "kafka_cluster"
require_relative "test_stage"

# The stages, in the order of what tells most soonest.
class Suite
  STAGES = %w[lint rust unit mock kafka].freeze
  # For what is built: less than the 90 minutes that CI has, and more than a busy machine takes.
  BUILD_SECONDS = 2_400
  # A spec that hangs fails long before, with its name; these end what hangs outside of one.
  FILE_SECONDS = 600
  # Some start clusters of their own and let them fail.
  KAFKA_FILE_SECONDS = 1_800

  def initialize(wanted)
    unknown = wanted - STAGES
    abort "unknown stage #{unknown.join(", ")}; there are #{STAGES.join(", ")}" unless unknown.empty?
    @wanted = wanted.empty? ? STAGES : wanted
    @ci = ENV["CI"] == "true"
    @stages = []
  end

  def run
    Dir.chdir(File.expand_path("../..", __dir__))
    $stdout.sync = true
    lint if wanted?("lint")
    rust if wanted?("rust")
    return report unless %w[unit mock kafka].any? { |name| wanted?(name) }

    compiled = compile
    unit if wanted?("unit")
    mock if compiled && wanted?("mock")
    kafka if compiled && wanted?("kafka")
    report
  end

  private

  def wanted?(name) = @wanted.include?(name)

  def stage(name, &)
    @stages << TestStage.new(name)
    @stages.last.run(&)
  end

  def lint
    stage("lint") do |s|
      s.check("cargo fmt", "cargo", "fmt", "--all", "--check", timeout: 300)
      s.check("clippy", "cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings",
              timeout: BUILD_SECONDS)
      # Fails as soon as the engine can see Ruby.
      s.check("the core has no Ruby", "cargo", "tree", "-p", "karafka_core", "-i", "magnus", "--locked", timeout: 300, refuse: true)
      s.check("rubocop", "rubocop", timeout: 600)
      s.check("no room of the engine uses one above it", "ruby", "spec/support/rooms.rb", timeout: 60)
      s.check("no room of lib uses one above it", "ruby", "spec/support/ruby_rooms.rb", timeout: 60)
      s.check("no file is too long", "ruby", "spec/support/file_sizes.rb", timeout: 60)
      s.check("wording of pages, messages and comments", "ruby", "spec/support/prose.rb", timeout: 60)
    end
  end

  # Tests with real_kafka in their names run in that stage. More threads than a small machine has cores: they wait for a mock
  # broker most of the time.
  def rust
    stage("rust") do |s|
      s.cargo_test("cargo test", "--workspace", "--", "--skip", "real_kafka", "--test-threads=4", timeout: BUILD_SECONDS)
    end
  end

  def compile
    stage("compile") { |s| s.check("rake compile", "rake", "compile", timeout: BUILD_SECONDS) }
    @stages.last.failed.zero?
  end

  def unit
    # Those of the border apart: under GC.stress every object of the process counts. And those that load Active Support, which gives
    # each object a `to_json` and changes what others see.
    apart = %w[spec/unit/native spec/unit/active_job spec/unit/adapters]
    others = spec_files("spec/unit").reject { |file| file.start_with?(*apart.map { |room| "#{room}/" }) }
    stage("unit") do |s|
      s.rspec("spec/unit", *others, timeout: 900)
      apart.each { |room| s.rspec(room, *spec_files(room), timeout: 1_200) }
    end
  end

  # One process a file: an engine that a file leaves behind can't disturb the next one. Two at once: they wait most of the time.
  def mock
    stage("mock") { |s| s.rspec_each(spec_files("spec/integration"), timeout: FILE_SECONDS, at_once: 2) }
  end

  def kafka
    stage("kafka") do |s|
      reason = KafkaCluster.unavailable
      next s.skip("real Kafka: #{reason}", failure: @ci) if reason

      # Also ended when this process is: specs of all files share it, a topic name for each.
      cluster = KafkaCluster.running || KafkaCluster.new.up
      env = { "KARAFKA_TEST_BROKERS" => cluster.bootstrap_servers }
      # The whole workspace again: another choice of packages has other features, and would be built anew.
      s.cargo_test("engine on real Kafka", "--workspace", "--", "real_kafka", timeout: BUILD_SECONDS, env: env)
      s.rspec_each(spec_files("spec/kafka"), timeout: KAFKA_FILE_SECONDS)
    end
  end

  def spec_files(directory) = Dir["#{directory}/**/*_spec.rb"]

  def report
    puts "", table_row("stage", %w[passed failed skipped unsteady seconds])
    @stages.each do |s|
      puts table_row(s.name, [s.passed, s.failed, s.skipped, s.unsteady, s.seconds.round(1)])
      s.notes.each { |note| puts "          #{note}" }
    end
    passed, failed, skipped = %i[passed failed skipped].map { |count| @stages.sum(&count) }
    puts "", "#{passed} passed, #{failed} failed, #{skipped} skipped"
    exit(failed.zero? && passed.positive? ? 0 : 1)
  end

  def table_row(name, columns) = name.ljust(9) + columns.map { |column| column.to_s.rjust(9) }.join
end

Suite.new(ARGV).run
