# frozen_string_literal: true

# What one `cargo test --no-fail-fast` printed, over all of its binaries.
class CargoOutcome
  RESULT = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/
  BINARY = /^ +(?:Running|Doc-tests) /
  # The names that close the output of a binary with failures; what they printed, before, opens with an empty line.
  NAMES = /^failures:\n(?!\n)(.*?)^test result: FAILED/m

  attr_reader :passed, :failed, :skipped

  # @param text [String] stdout and stderr
  # @param status [Process::Status, nil] nil where it ran into its deadline
  def initialize(text, status)
    @text = text
    @status = status
    results = text.scan(RESULT).map { |numbers| numbers.map(&:to_i) }
    @passed, @failed, @skipped = [[0, 0, 0], *results].transpose.map(&:sum)
    # A binary that died, or a test that called `exit`, leaves no result.
    missing = results.empty? || results.size < text.scan(BINARY).size
    @broken = status.nil? || missing || (@failed.zero? && !status.success?)
    @failed += 1 if @broken
  end

  # @return [Boolean] whether something failed that is no test
  def broken? = @broken

  def timed_out? = @status.nil?

  # @return [Boolean] whether each failure has the name of a test, so that just these can run again
  def named? = !broken? && failures.size == @failed

  # @return [Array<String>] the tests that failed
  def failures = @text.scan(NAMES).flatten.flat_map { |names| names.scan(/^ {4}(\S.*)$/) }.flatten.uniq

  # @return [String] what the test printed when it failed
  def failure(name) = @text[/^---- #{Regexp.escape(name)} stdout ----\n(.*?)(?=^---- .+ stdout ----$|^failures:$)/m, 1].to_s

  # @param names [Array<String>] the tests that were asked for
  # @return [Array<String>] those of them that passed; none where not all of them ran
  def passed_of(names) = !broken? && @passed + @failed >= names.size ? names - failures : []
end
