# frozen_string_literal: true

require "fileutils"
require_relative "cargo_outcome"
require_relative "rspec_outcome"

# One stage of bin/test: commands in order, each in a process group of its own with a hard deadline. Output goes to
# tmp/test/, and to the terminal where something failed.
#
# A few tests that fail run once more, alone. Those that pass then count as passed, and are named as unsteady: one test
# among thousands that fails by chance is a defect to mend, but says nothing about the change that is tested.
class TestStage
  LOGS = "tmp/test"
  LINES_SHOWN = 120
  # Of what a test printed when it failed.
  UNSTEADY_LINES_SHOWN = 20
  # Of failures that are shown by name.
  NAMED = 10
  # More failures than that are not by chance.
  FEW = 3

  attr_reader :name, :passed, :failed, :skipped, :unsteady, :notes, :seconds

  def initialize(name)
    @name = name
    @passed = @failed = @skipped = @unsteady = 0
    @notes = []
    @seconds = 0.0
  end

  def run
    started = now
    puts "== #{@name}"
    yield self
  rescue StandardError => e
    fail_with("#{e.class}: #{e.message}")
  ensure
    @seconds = now - started
    puts "   #{@passed} passed, #{@failed} failed, #{@skipped} skipped in #{@seconds.round(1)} s"
  end

  # One check: passed when the command ends with 0, or, with `refuse`, when it does not.
  def check(label, *command, timeout:, refuse: false, env: {})
    output, status = execute(label, env, command, timeout)
    good = status && (status.success? ^ refuse)
    return @passed += 1 if good

    fail_with(status ? label : "#{label}: ended after #{timeout} s", output)
  end

  # @param arguments [Array<String>] what selects packages and, behind "--", tests
  def cargo_test(label, *arguments, timeout:, env: {})
    output, first = run_cargo(label, arguments, timeout, env)
    return settle(label, first, output, timeout) unless few_failures?(first)

    # By name, and without what selected tests before.
    packages = arguments.take_while { |argument| argument != "--" }
    only = [*packages, "--", "--exact", "--test-threads=1", *first.failures]
    settle(label, first, output, timeout, again: run_cargo("#{label} again", only, timeout, env).last)
  end

  # One process for each file, this many at once. What failed runs again when all of them have ended.
  def rspec_each(files, timeout:, at_once: 1)
    waiting = Queue.new(files).close
    ended = Queue.new
    threads = Array.new(at_once) do
      Thread.new do
        while (file = waiting.pop)
          ended << [file, *run_rspec(file, [file], timeout)]
        end
      end
    end
    threads.each(&:join)
    settle_file(*ended.pop, timeout) until ended.empty?
  end

  def rspec(label, *files, timeout:)
    output, first = run_rspec(label, files, timeout)
    settle_rspec(label, first, output, timeout)
  end

  def skip(reason, failure:)
    @notes << reason
    failure ? @failed += 1 : @skipped += 1
  end

  private

  def run_cargo(label, arguments, timeout, env)
    output, status = execute(label, env, ["cargo", "test", "--locked", "--no-fail-fast", *arguments], timeout)
    [output, CargoOutcome.new(read(output), status)]
  end

  def run_rspec(label, files_or_ids, timeout)
    report = File.join(LOGS, "#{slug(label)}.json")
    FileUtils.rm_f(report)
    command = ["rspec", "--no-color", "--format", "progress", "--format", "json", "--out", report, *files_or_ids]
    output, status = execute(label, {}, command, timeout)
    [output, RSpecOutcome.new(File.exist?(report) ? read(report) : nil, status)]
  end

  # A file in which more failed than a few examples, or that died or hung, runs again as a whole.
  def settle_file(file, output, first, timeout)
    return settle_rspec(file, first, output, timeout) if first.failed.zero? || few_failures?(first)

    output_again, again = run_rspec("#{file} again", [file], timeout)
    note_unsteady(file, read(output)) if again.failed.zero?
    settle(file, again, output_again, timeout)
  end

  def settle_rspec(label, first, output, timeout)
    again = run_rspec("#{label} again", first.failures, timeout).last if few_failures?(first)
    settle(label, first, output, timeout, again: again)
  end

  def few_failures?(outcome) = outcome.named? && outcome.failed.between?(1, FEW)

  def settle(label, first, output, timeout, again: nil)
    steadied = again ? again.passed_of(first.failures) : []
    steadied.each { |test| note_unsteady(test, first.failure(test)) }
    @passed += first.passed + steadied.size
    @skipped += first.skipped
    @notes << "#{first.skipped} skipped in #{label}" if first.skipped.positive?
    @notes << "#{label}: #{first.timed_out? ? "ended after #{timeout} s" : "did not run to its end"}" if first.broken?
    failures = first.failed - steadied.size
    return unless failures.positive?

    show(label, output, failures)
    list(first, first.failures - steadied)
  end

  # The end of an output does not always have them.
  def list(outcome, tests)
    tests.first(NAMED).each do |test|
      @notes << "failed: #{test}"
      puts "-- failed: #{test}", outcome.failure(test).lines.last(UNSTEADY_LINES_SHOWN)
    end
  end

  def note_unsteady(test, text)
    @unsteady += 1
    @notes << "unsteady: #{test}"
    puts "-- unsteady: #{test}", text.lines.last(UNSTEADY_LINES_SHOWN)
  end

  # @return [Array(String, Process::Status)] the path of the output, and no status when the deadline passed
  def execute(label, env, command, timeout)
    FileUtils.mkdir_p(LOGS)
    output = File.join(LOGS, "#{slug(label)}.log")
    pid = Process.spawn(env, *command, %i[out err] => output, in: File::NULL, pgroup: true)
    waiter = Process.detach(pid)
    return [output, waiter.value] if waiter.join(timeout)

    %w[TERM KILL].each { |signal| end_group(signal, pid, waiter) }
    [output, nil]
  end

  def end_group(signal, pid, waiter)
    Process.kill(signal, -pid)
    waiter.join(5)
  rescue Errno::ESRCH
    nil # All of it has ended.
  end

  def fail_with(reason, output = nil)
    @notes << reason
    show(reason, output, 1)
  end

  def show(label, output, failures)
    @failed += failures
    puts "-- #{label}"
    puts read(output).lines.last(LINES_SHOWN) if output
  end

  # Programs under test print bytes that are no UTF-8, too.
  def read(path) = File.read(path, encoding: "UTF-8").scrub
  def slug(label) = "#{@name}-#{label}".gsub(/[^\w.-]+/, "-")
  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
