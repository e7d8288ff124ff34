# frozen_string_literal: true

require "json"

# What one `rspec --format json` reported.
class RSpecOutcome
  LIBRARIES = %r{/gems/|/bin/rspec}

  attr_reader :passed, :failed, :skipped

  # @param report [String, nil] its JSON
  # @param status [Process::Status, nil] nil where it ran into its deadline
  def initialize(report, status)
    document = last_document(report)
    @status = status
    @examples = document.fetch("examples", [])
    @passed, @failed, @skipped = %w[passed failed pending].map { |result| with(result).size }
    @broken = broken_report?(document["summary"])
    @failed += 1 if @broken
  end

  # @return [Boolean] whether something failed that is no example
  def broken? = @broken

  def timed_out? = @status.nil?

  # @return [Boolean] whether each failure is an example's, so that just these can run again
  def named? = !broken?

  # @return [Array<String>] ids of the examples that failed, as rspec takes them
  def failures = with("failed").map { |example| example["id"] }

  # @return [String] the example's name, and how it failed
  def failure(id)
    example = with("failed").find { |candidate| candidate["id"] == id }
    error = example.fetch("exception", {})
    lines = error["backtrace"].to_a.grep_v(LIBRARIES)
    [example["full_description"], "#{error["class"]}: #{error["message"]}", *lines].join("\n")
  end

  # @param ids [Array<String>] the examples that were asked for
  # @return [Array<String>] those of them that passed
  def passed_of(ids) = broken? ? [] : ids & with("passed").map { |example| example["id"] }

  private

  # A spec that runs RSpec itself leaves a report of its own before; a process that is killed leaves half of one.
  def last_document(report)
    start = report&.rindex('{"version":')
    start ? JSON.parse(report[start..]) : {}
  rescue JSON::ParserError
    {}
  end

  def with(result) = @examples.select { |example| example["status"] == result }

  # No report, an error while loading, an example that `exit` left, or an exit with a failure that no example has.
  def broken_report?(summary)
    return true unless @status && summary

    left = @examples.size - @passed - @failed - @skipped
    summary["errors_outside_of_examples_count"].positive? || left.positive? || (@failed.zero? && !@status.success?)
  end
end
