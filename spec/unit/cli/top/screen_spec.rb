# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"
require "stringio"
require "support/process_states"

RSpec.describe Karafka::Cli::Top::Screen do
  include ProcessStates

  top = Karafka::Cli::Top

  let(:browser) { top::Browser.new }

  def screen(*readings)
    terminal = Karafka::Cli::Terminal.new(out: StringIO.new, input: StringIO.new)
    described_class.new(readings, Karafka::Cli::Top::Verdicts.of(readings), terminal)
  end

  def press(*keys) = keys.each { |key| browser.press(key) }

  def stuck(**others)
    out = partition(17, lag: 9, lag_ms: 372_000, leases: [lease(372_000)])
    reading(nil, state(topics: [topic("orders", [partition(0), out])], workers: [busy_worker(3, 372_000, partition: 17)]), **others)
  end

  it "has the verdicts first, then groups" do
    expect(screen(stuck).draw(150, 12, browser)).to eq(<<~TEXT.lines(chomp: true))
      karafka: 1 problem, 1 of 1 process answers, memory 70 MB
      PROBLEM   orders/17 stuck 6 m 12 s: OrdersConsumer at app/consumers/orders_consumer.rb:31 on worker 3
                -> /v1/workers?backtrace=1 shows where it waits; TERM, then give that call a timeout
      warning   orders is 6 m 12 s behind, with 9 messages: 0/s come, 0/s are consumed (no trend is known yet)
                -> compare karafka_processing_seconds with karafka_waiting_seconds; docs/operations.md, KarafkaLag
      groups (1)
      GROUP  STATE   BEHINDv  LAG    TREND   IN  OUT      ETA  PARTITIONS  PAUSED  PROCESSES
      shop   stuck  6 m 12 s    9  unknown  0/s  0/s  unknown           2       0          1



      g groups  t topics  p partitions  w workers  e errors  b rebalances  s/S sort  r reverse  / filter  space hold  q quit
    TEXT
  end

  it "fits every size, down to none" do
    partitions = Array.new(5_000) { |number| partition(number, lag: number, lag_ms: number, leases: [lease(60_000 + number)]) }
    large = screen(reading(nil, state(topics: [topic("orders", partitions)])))
    press("p")
    [[200, 60], [80, 24], [40, 10], [20, 5], [5, 3], [1, 1], [1, 40], [300, 1]].each do |width, height|
      lines = large.draw(width, height, browser)
      expect(lines.size).to eq(height)
      expect(lines.map(&:size).max).to be <= width
    end
  end

  it "shows a part of 5,000 partitions, the worst first, and turns pages" do
    partitions = Array.new(5_000) { |number| partition(number, lag: number, lag_ms: number, position: 0, end: number) }
    large = screen(reading(nil, state(topics: [topic("orders", partitions)])))
    rows = -> { large.draw(120, 24, browser).grep(%r{\Aorders/}).map { |line| line[%r{orders/(\d+)}, 1].to_i } }
    press("p")
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    expect(rows.call).to eq((4_980..4_999).to_a.reverse)
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).to be < 5
    expect(large.draw(120, 24, browser)[1]).to eq("partitions (5,000, 1 to 20)")
    press("\e[6~", "j")
    expect(rows.call.first).to eq(4_978)
    press("\e[F")
    expect(rows.call).to eq((0..19).to_a.reverse)
    press("\e[H", "k", "r")
    expect(rows.call.first).to eq(0)
    press("/", "4", "9", "9", "9", "\r")
    expect(rows.call).to eq([4_999])
    expect(large.draw(120, 24, browser)[1]).to eq('partitions (1, with "4999")')
    press("\e", "g")
    expect(browser.filter).to eq("")
  end

  it "does not show 0 where nothing is known, and sorts that behind what is" do
    press("p")
    unknown = partition(1, position: nil, committed: nil, end: nil, lag: nil, lag_ms: nil)
    drawn = screen(reading(nil, state(topics: [topic("orders", [unknown, partition(2)])]))).draw(130, 10, browser)
    expect(drawn.grep(%r{\Aorders/}).map { |line| line.split(/\s{2,}/) }).to eq(
      [["orders/2", "shop", "idle", "0", "0 s", "5", "5", "5", "1", "-", "app-1:9394"],
       ["orders/1", "shop", *["unknown"] * 6, "1", "-", "app-1:9394"]]
    )
    groups = screen(reading(nil, state(topics: [topic("orders", [unknown, partition(2)])]))).text.grep(/\Ashop/)
    expect(groups).to match([/shop   ok     unknown  unknown  unknown/])
  end

  it "says by whom partitions are paused, and how long" do
    press("p", "s", "r")
    paused = { "operator" => nil, "consumer" => 5_000, "back_off" => 23_000,
               "refused" => nil }.each_with_index.map do |(reason, left), number|
      partition(number, pause: { reason: reason, left_ms: left })
    end
    drawn = screen(reading(nil, state(topics: [topic("orders", paused)]))).draw(140, 20, browser)
    states = drawn.grep(%r{\Aorders/\d}).to_h { |line| line.split(/\s{2,}/).values_at(0, 2) }
    expect(states).to eq(
      "orders/0" => "paused by an operator, until it is resumed", "orders/1" => "paused by its consumer, 5 s left",
      "orders/2" => "waits after a failure, 23 s left", "orders/3" => "no valid offset"
    )
  end

  it "shows trend and end over a window" do
    lag = ->(count) { [topic("orders", [partition(0, position: 9 - count, lag: count, lag_ms: 1_000)])] }
    fell = screen(reading(state(topics: lag.call(300)), state(topics: lag.call(200), **later(10)))).text
    expect(fell[3]).to match(%r{\Ashop   ok        1 s  200  -10/s  0/s  0/s  20 s})
    rose = screen(reading(state(topics: lag.call(0)), state(topics: lag.call(200), **later(10)))).text
    expect(rose[3]).to match(%r{\Ashop   ok        1 s  200  \+20/s  0/s  0/s    -})
  end

  it "shows workers, errors and rebalances" do
    group = { rebalances: [{ at_ms: ProcessStates::AT_MS - 60_000, cause: "lost", partitions: 3, duration_ms: 250 }],
              errors: [{ at_ms: ProcessStates::AT_MS - 5_000, code: "all_brokers_down", message: "down\e[2J", fatal: true, topic: "orders",
                         partition: nil }] }
    one = screen(reading(nil, state(topics: [topic], workers: [busy_worker(0, 61_000), idle_worker(1)], group: group)))
    press("w")
    expect(one.draw(160, 6, browser).join("\n")).to include(
      "0       consume  1 m 1 s  orders/0        5       100        1  OrdersConsumer at app/consumers/orders_consumer.rb:31  app-1:9394"
    )
    press("b")
    expect(one.draw(100, 6, browser)[3]).to eq("1 m  shop   lost            3  250 ms  app-1:9394")
    press("e")
    expect(one.draw(100, 6, browser)[3]).to eq("5 s  shop   all_brokers_down  orders  fatal: down [2J  app-1:9394")
  end

  it "has several processes, one of which has died: its figures are in no sum" do
    dead = top::Reading.new(name: "app-2:9394", error: "nobody listens there", silent_ms: 12_000, next_step: "look at its log")
    lines = screen(stuck, dead).draw(120, 12, browser)
    expect(lines.first(5)).to match(
      ["karafka: 1 problem, 1 of 2 processes answer, memory 70 MB", %r{\APROBLEM   orders/17 stuck .* \[app-1:9394\]\z}, /->/,
       "and 2 more: a larger terminal, or --once, shows all", "groups (1)"]
    )
    expect(screen(dead).text).to eq(["karafka: nothing is known, 0 of 1 process answers, memory unknown",
                                     "NO ANSWER app-2:9394 does not answer for 12 s: nobody listens there", "          -> look at its log"])
    expect(screen(reading(nil, state), dead).text.first).to start_with("karafka: no problem found, 1 of 2 processes answer")
    both = screen(stuck, stuck(name: "app-3:9394")).text
    expect(both.grep(/\Ashop/).first.split(/\s{2,}/)).to eq(["shop", "stuck", "6 m 12 s", "18", "unknown", "0/s", "0/s", "unknown", "4",
                                                             "0", "2"])
  end
end
