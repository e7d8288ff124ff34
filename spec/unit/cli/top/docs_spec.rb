# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"
require "stringio"
require "support/process_states"

# The example in docs/cli.md is what the command prints for two processes in that state.
RSpec.describe "the example of karafka top in docs/cli.md" do
  include ProcessStates

  example = File.read(File.expand_path("../../../../docs/cli.md", __dir__), encoding: "UTF-8")[/^```\n(karafka: .*?)^```$/m, 1]

  # 24 partitions of orders and one of mails; 120 messages a second come, 108 of them are consumed.
  def stuck(seconds)
    age_ms = 370_000 + (seconds * 1_000)
    late = { lag: 385 + (12 * seconds), lag_ms: age_ms - 10_000, leases: [lease(age_ms)] }
    partitions = Array.new(24) { |number| number == 17 ? partition(number, **late) : partition(number) }
    state(topics: [topic("orders", partitions, rate_in: 120.0, rate_out: 108.0)],
          workers: [idle_worker(0), busy_worker(3, age_ms, partition: 17)], **later(seconds))
  end

  def paused(seconds)
    mails = topic("mails", [partition(0, lag: 12, lag_ms: 90_000 + (seconds * 1_000), pause: { reason: "operator", left_ms: nil })])
    state(topics: [mails], **later(seconds))
  end

  it "is what it prints" do
    readings = [reading(stuck(0), stuck(2)), reading(paused(0), paused(2), name: "app-2:9394")]
    terminal = Karafka::Cli::Terminal.new(out: StringIO.new, input: StringIO.new)
    printed = Karafka::Cli::Top::Screen.new(readings, Karafka::Cli::Top::Verdicts.of(readings), terminal).text
    expect("#{printed.join("\n")}\n").to eq(example)
  end
end
