# frozen_string_literal: true

require_relative "../spec_helper"
require "open3"
require "securerandom"
require_relative "../support/kafka_cluster"

RSpec.describe "examples/game_day", deadline: 300 do
  root = File.expand_path("../..", __dir__)

  # What stands in the blocks of the page, without what a reader types in another terminal.
  def commands(page)
    page.scan(/^```sh\n(.*?)^```/m).flatten.flat_map { |block| block.lines(chomp: true) }
        .map { |line| line.sub(/ +#.*/, "") }.grep(/karafka /).grep_v(/groups lag|consume/)
  end

  it "does the walk of docs/game_day.md: nothing is missing in the end" do
    prefix = "game-#{SecureRandom.hex(4)}-"
    env = { "BUNDLE_GEMFILE" => nil, "RUBYOPT" => nil, "KARAFKA_ENV" => nil }
    walk = [File.join(root, "examples/game_day/walk"), "--brokers", KafkaCluster.shared.bootstrap_servers, "--rows", "2400",
            "--prefix", prefix]
    out, status = Open3.capture2e(env, *walk)
    expect(status).to be_success, out
    out = out.gsub(prefix, "")

    dead = Integer(out[/processed, (\d+) dead letters$/, 1])
    moved = Integer(out[/^lag (\d+): these flights/, 1])
    expect(dead).to be_positive
    # Six of 24 hours; the clock goes on meanwhile.
    expect(moved).to be_between(550, 600)
    expect(out).to include("#{moved} flights processed, at least #{moved} were to be", "#{dead} dead letters of flights.dead sent back",
                           "2400 flights: #{dead} were dead letters, 0 are missing, #{moved} were processed again")
    expect(out.scan(/^  after +[\d.]+ s  lag 0$/).size).to eq(3)
    page = File.read(File.join(root, "docs/game_day.md"), encoding: "UTF-8")
    expect(commands(page) - out.scan(/^\$ (.*)$/).flatten).to eq([])
  end
end
