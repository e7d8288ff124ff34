# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/mock_cluster"

# Sizes that hurt others: librdkafka's mock cluster has them at once, and answers as late as it is told.
RSpec.describe Karafka::Admin, deadline: 300 do
  include MockCluster

  let(:admin) do
    Karafka::App.config.admin.max_wait_time = 200_000
    described_class.new(kafka: { "bootstrap.servers": broker.bootstrap_servers })
  end

  after { close_cluster }

  # @return [Array(Object, Float, Integer)] the result, its seconds, and how often another thread had its turn meanwhile
  def beside_another_thread
    turns = 0
    counting = Thread.new { loop { sleep(0.001) && turns += 1 } }
    wait_until("the other thread") { turns.positive? }
    before = turns
    started = Karafka::Clock.now
    result = yield
    [result, Karafka::Clock.now - started, turns - before]
  ensure
    counting.kill.join
  end

  it "asks for the offsets of 2,000 groups, 50 at once" do
    names = Array.new(2_000) { |number| "group-#{number}".ljust(249, "x") }
    admin.consumer_groups.read_lags_with_offsets({ names.first => [] }) # A coordinator takes its time when it is asked for first.
    broker.round_trip_ms(1, 100)
    lags, seconds, turns = beside_another_thread { admin.read_lags_with_offsets(names.to_h { |name| [name, []] }) }
    expect(lags).to eq(names.to_h { |name| [name, {}] })
    # 40 rounds of 50 take that long at least; one after the other would take 200 s.
    expect(seconds).to be_between(4, 150)
    expect(turns).to be > 40
  end

  it "reads where 10,000 partitions begin and end while another thread runs" do
    broker.create_topic("large", 10_000)
    offsets, _, turns = beside_another_thread { admin.read_watermark_offsets("large" => [*0...10_000]) }
    expect(offsets.fetch("large").keys).to match_array(0...10_000)
    expect(offsets.fetch("large").values.uniq).to eq([[0, 0]])
    expect(turns).to be > 40
  end
end
