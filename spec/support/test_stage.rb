# frozen_string_literal: true

require "fileutils"
require "json"

# One stage of bin/test: commands in order, each in a process group of its own with a hard deadline. Output goes to
# tmp/test/, and to the terminal where something failed.
class TestStage
  LOGS = "tmp/test"
  CARGO_RESULT = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/
  LINES_SHOWN = 120

  attr_reader :name, :passed, :failed, :skipped, :notes, :seconds

  def initialize(name)
    @name = name
    @passed = @failed = @skipped = 0
    @notes = []
    @seconds = 0.0
    @counting = Mutex.new
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

  def cargo_test(label, *arguments, timeout:, env: {})
    output, status = execute(label, env, ["cargo", "test", "--locked", *arguments], timeout)
    results = File.read(output).scan(CARGO_RESULT).map { |numbers| numbers.map(&:to_i) }.transpose.map(&:sum)
    passed, failed, skipped = results.empty? ? [0, 0, 0] : results
    @passed += passed
    @skipped += skipped
    return show(label, output, failed) if failed.positive?

    fail_with(status ? "#{label}: cargo failed" : "#{label}: ended after #{timeout} s", output) unless status&.success?
  end

  # One process for each file, this many at once.
  def rspec_each(files, timeout:, at_once: 1)
    waiting = Queue.new(files).close
    threads = Array.new(at_once) do
      Thread.new do
        while (file = waiting.pop)
          rspec(file, file, timeout: timeout)
        end
      end
    end
    threads.each(&:join)
  end

  def rspec(label, *files, timeout:, env: {})
    report = File.join(LOGS, "#{slug(label)}.json")
    FileUtils.rm_f(report)
    command = ["rspec", "--no-color", "--format", "progress", "--format", "json", "--out", report, *files]
    output, status = execute(label, env, command, timeout)
    summary = File.exist?(report) ? read_summary(report) : nil
    @counting.synchronize do
      next count(label, summary, output, status) if summary && status

      fail_with(status ? "#{label}: rspec did not run" : "#{label}: ended after #{timeout} s", output)
    end
  end

  def skip(reason, failure:)
    @notes << reason
    failure ? @failed += 1 : @skipped += 1
  end

  private

  def count(label, summary, output, status)
    examples, failures, pending, errors = summary.values_at("example_count", "failure_count", "pending_count",
                                                            "errors_outside_of_examples_count")
    @passed += examples - failures - pending
    @skipped += pending
    @notes << "#{pending} skipped in #{label}" if pending.positive?
    # An error while loading, or an exit with a failure that no example has: one failure.
    failures += 1 if errors.positive? || (failures.zero? && !status.success?)
    show(label, output, failures) if failures.positive?
  end

  # The last one: a spec that runs RSpec itself leaves a report of its own before.
  def read_summary(report)
    summary = File.read(report).scan(/"summary":(\{[^{}]*\})/).flatten.last
    summary && JSON.parse(summary)
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
    puts File.readlines(output, encoding: "UTF-8").last(LINES_SHOWN) if output
  end

  def slug(label) = "#{@name}-#{label}".gsub(/[^\w.-]+/, "-")
  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
