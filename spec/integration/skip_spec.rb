# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "Karafka::Server.skip" do
  include MockCluster

  before do
    broker.create_topic("orders", 1)
    broker.create_topic("dead", 1)
  end

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  # Ten minutes before what failed comes again.
  def start(**settings)
    @seen = seen = Queue.new
    start_orders(nil, pause_timeout: 600_000, pause_max_timeout: 600_000, **settings) do
      (settings[:batch_consuming] == false ? [params] : messages).each do |message|
        seen << [message.offset, attempt]
        raise "cannot read it" if message.raw_payload == "poison"

        mark_as_consumed(message)
      end
    end
  end

  def seen = Array.new(@seen.size) { @seen.pop }

  def skip_poison(offset = 1)
    wait_until("the failure") { Karafka::Server.state[:waiting].any? || @parallel }
    Karafka::Server.skip(topic: "orders", partition: 0, offset: offset, reason: "no such currency")
  end

  it "leaves a message out that its consumer gets one by one" do
    produce("orders", %w[a poison c])
    start(batch_consuming: false)
    expect(skip_poison.result).to eq(:skipped)
    wait_until("the commit") { committed("app", "orders") == 3 }
    expect(seen).to eq([[0, 1], [1, 1], [2, 1]])
  end

  it "leaves one out of a partition that several workers have, and nothing else" do
    produce("orders", %w[a poison c d])
    @parallel = true
    start(parallel: { by: :none, limit: 4 })
    wait_until("all of them") { @seen.size == 4 }
    wait_until("the last one") { Karafka::Server.state[:leases].empty? }
    expect(skip_poison.result).to eq(:skipped)
    wait_until("the commit") { committed("app", "orders") == 4 }
    expect(seen.map(&:first).sort).to eq([0, 1, 2, 3])
  end

  it "goes on where stop_after has stopped the partition" do
    produce("orders", %w[poison poison c])
    start(dead_letter_queue: { topic: "dead", max_retries: 0, stop_after: { consecutive: 1 } })
    wait_until("the stop") { log.string.include?("DeadLetterLimitError") }
    expect(skip_poison.then { |order| [order.result, order.target] }).to eq([:dead_lettered, "dead"])
    wait_until("the commit") { committed("app", "orders") == 3 }
  end

  it "is noted at once where an operator has paused the partition, and the message does not come after the resume" do
    produce("orders", %w[a])
    start
    wait_until("the first message") { committed("app", "orders") == 1 }
    Karafka::Server.pause(topic: "orders", partition: 0)
    # No consumer has seen it.
    produce("orders", %w[poison c])
    started_ms = Karafka::Clock.now_ms
    order = Karafka::Server.skip(topic: "orders", partition: 0, offset: 1, reason: "no such currency", wait: 60)
    expect([order.result, Karafka::Clock.now_ms - started_ms]).to match([nil, be < 30_000])
    Karafka::Server.resume(topic: "orders", partition: 0)
    wait_until("the commit") { committed("app", "orders") == 3 }
    expect([order.result, seen.map(&:first)]).to eq([:skipped, [0, 2]])
  end

  it "does not end a pause that a consumer has asked for" do
    produce("orders", %w[a b])
    paused = Queue.new
    start_orders(nil, manual_offset_management: true) do
      mark_as_consumed(messages.first)
      pause(messages.first.offset + 1, 600_000)
      paused << true
    end
    paused.pop
    wait_until("the pause") { Karafka::Server.state[:leases].empty? && Karafka::Server.state[:waiting].any? }
    order = Karafka::Server.skip(topic: "orders", partition: 0, offset: 1, reason: "x", wait: 0)
    expect([order.result, Karafka::Server.state[:waiting].size]).to eq([nil, 1])
  end
end
