# frozen_string_literal: true

require "timeout"
require "tmpdir"

# The pages and logs that specs read have more than ASCII, whatever LANG is.
Encoding.default_external = Encoding::UTF_8

$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "karafka"
require_relative "support/drain"
require_relative "support/gc_stress"
require_relative "support/os_threads"

# An example that hangs must fail with its name, not hang the suite. `it "…", deadline: 240` gives one more time. Longer
# than a single wait (spec/support/wait.rb), which says more.
EXAMPLE_DEADLINE = 120

class ExampleDeadlineError < Exception; end # rubocop:disable Lint/InheritException -- code under test rescues the rest

RSpec.configure do |config|
  config.order = :random
  config.default_formatter = "documentation" if config.files_to_run.one?
  config.disable_monkey_patching!
  config.raise_errors_for_deprecations!
  Kernel.srand config.seed
  config.before(:suite) { config.reporter.message("Seed #{config.seed}") }

  config.expect_with(:rspec) { |expectations| expectations.syntax = :expect }
  config.mock_with(:rspec) { |mocks| mocks.verify_partial_doubles = true }

  config.around do |example|
    seconds = example.metadata.fetch(:deadline, EXAMPLE_DEADLINE) * GCStress.patience
    Timeout.timeout(seconds, ExampleDeadlineError, "still running after #{seconds} s") { GCStress.around { example.run } }
  end

  config.include Drain
  config.before { Karafka::App.reset! }
  config.after { Karafka::App.reset! }

  # An `exit` in the code under test ends a run early, and with 0 it would look like a good one.
  suite = Process.pid
  config.after(:suite) do
    next unless Process.pid == suite

    left = RSpec.world.example_groups.flat_map(&:descendant_filtered_examples).count { |example| example.execution_result.status.nil? }
    abort "#{left} examples did not run: something ended the process" if left.positive? && !RSpec.world.wants_to_quit
  end

  # A skipped example is said at the end with its reason; one without a reason is an error of the suite.
  config.after(:suite) do
    skipped = RSpec.world.all_examples.select { |example| example.execution_result.status == :pending }
    skipped.each { |example| config.reporter.message("skipped: #{example.full_description}: #{example.execution_result.pending_message}") }
    silent = skipped.select do |example|
      example.execution_result.pending_message.to_s.match?(/\A(No reason given|Temporarily skipped.*)?\z/)
    end
    abort "#{silent.size} examples are skipped without a reason" if silent.any?
  end
end
