# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::BaseConsumer do
  include OneTopic

  def coordinator(klass, &)
    @coordinator ||= Karafka::Coordinator.new(route(klass, &))
  end

  # As a worker does it.
  def deliver(lease)
    assignment = @coordinator.fetch(lease)
    begin
      assignment.public_send(lease.kind, lease)
      assignment.settle(lease)
    rescue StandardError => e
      assignment.failed(lease, e)
    end
    assignment.consumer
  end

  before { Karafka.monitor.subscribe("error.occurred") { nil } }

  describe "used?" do
    it "is true from the first batch on, not for what comes before it" do
      seen = []
      coordinator(consumer { define_method(:consume) { seen << used? } })
      eof = FakeLease.new(kind: :eofed)
      expect(deliver(eof).used?).to be(false)
      expect(deliver(FakeLease.new(%w[1])).used?).to be(true)
      expect(seen).to eq([true])
    end
  end

  describe "eofed?" do
    let(:calls) { [] }

    def at_end(asks:, &routes)
      seen = calls
      coordinator(consumer do
        define_method(:consume) { seen << (asks ? eofed? : :consume) }
        define_method(:eofed) { seen << [:eofed, eofed?] }
      end, &routes)
    end

    def open_lease = FakeLease.new(%w[1 2]).tap { |lease| lease.define_singleton_method(:high_watermark) { 9 } }

    it "tells of the end in consume, and then eofed is not called for it" do
      at_end(asks: true) { eofed true }
      deliver(FakeLease.new(%w[1 2]))
      deliver(FakeLease.new(kind: :eofed))
      expect(calls).to eq([true])
    end

    it "is false before the end, so eofed is called" do
      at_end(asks: true) { eofed true }
      deliver(open_lease)
      deliver(FakeLease.new(kind: :eofed))
      expect(calls).to eq([false, [:eofed, true]])
    end

    it "says in shutdown what held after the last batch" do
      seen = calls
      coordinator(consumer do
        define_method(:consume) { messages }
        define_method(:shutdown) { seen << eofed? }
      end) { eofed true }
      [[FakeLease.new(%w[1])], [open_lease], [open_lease, FakeLease.new(kind: :eofed)], [FakeLease.new(%w[1]), open_lease]].each do |leases|
        [*leases, FakeLease.new(kind: :shutdown)].each { |lease| deliver(lease) }
      end
      expect(calls).to eq([true, false, true, false])
    end

    it "does not keep eofed from a consumer that does not ask" do
      at_end(asks: false) { eofed true }
      deliver(FakeLease.new(%w[1 2]))
      deliver(FakeLease.new(kind: :eofed))
      expect(calls).to eq([:consume, [:eofed, true]])
    end

    it "begins anew with each batch" do
      at_end(asks: true) { eofed true }
      deliver(FakeLease.new(%w[1 2]))
      deliver(open_lease)
      deliver(FakeLease.new(kind: :eofed))
      expect(calls).to eq([true, false, [:eofed, true]])
    end

    it "is false where the routes do not say eofed" do
      at_end(asks: true)
      deliver(FakeLease.new(%w[1 2]))
      expect(calls).to eq([false])
    end
  end

  describe "errors_tracker" do
    let(:seen) { [] }

    def failing(&)
      seen = self.seen
      coordinator(consumer do
        define_method(:consume) do
          seen << errors_tracker.map(&:message)
          messages.payloads.each { |payload| raise payload.to_s unless payload == 1 }
        end
      end, &)
    end

    it "has the errors of a batch until it goes through" do
      failing
      deliver(FakeLease.new(%w[2]))
      tracker = deliver(FakeLease.new(%w[3], attempt: 2)).errors_tracker
      expect([tracker.size, tracker.last.message, tracker.counts, tracker.counts[IOError]]).to eq([2, "3", { RuntimeError => 2 }, 0])
      expect([tracker.topic.name, tracker.partition]).to eq(["orders", 0])
      deliver(FakeLease.new(%w[1], attempt: 3))
      expect(tracker).to be_empty
      deliver(FakeLease.new(%w[1]))
      expect(seen).to eq([[], ["2"], %w[2 3], []])
    end

    it "begins anew when the message has left its partition" do
      failing
      deliver(FakeLease.new(%w[2]))
      deliver(FakeLease.new(%w[1]))
      expect(seen.last).to eq([])
    end

    it "keeps the last hundred, and counts all" do
      tracker = Karafka::Failures::ErrorsTracker.new(nil, 0)
      ids = Array.new(120) { |number| (tracker << ArgumentError.new(number.to_s)) && tracker.trace_id }
      expect([tracker.size, tracker.first.message, tracker.counts]).to eq([100, "20", { ArgumentError => 120 }])
      expect(ids.uniq.size).to eq(120)
    end

    it "is one for all consumers of a partition, until what failed goes through" do
      failing { parallel by: :key, limit: 2 }
      deliver(FakeLease.new(%w[2], assignment_id: 1))
      deliver(FakeLease.new(%w[1], assignment_id: 2))
      deliver(FakeLease.new(%w[1], assignment_id: 2, attempt: 2))
      deliver(FakeLease.new(%w[1], assignment_id: 1))
      expect(seen).to eq([[], ["2"], ["2"], []])
    end

    it "goes with the assignment" do
      failing
      first = FakeLease.new(%w[2])
      tracker = deliver(first).errors_tracker
      @coordinator.evict(first)
      expect(deliver(FakeLease.new(%w[1], assignment_id: 2)).errors_tracker).not_to equal(tracker)
    end

    it "has the error when the dead letter is enhanced, also by a private method" do
      Karafka::App.config.producer = WaterDrop::Producer.new { |config| config.deliver = false }
      dead = []
      klass = consumer do
        define_method(:consume) { raise ArgumentError, "no" }
        define_method(:enhance_dlq_message) { |message, _| dead << [message[:topic], errors_tracker.last.class] }
        private :enhance_dlq_message
      end
      coordinator(klass) { dead_letter_queue topic: "dead", max_retries: 0 }
      deliver(FakeLease.new(%w[1]))
      expect(dead).to eq([["dead", ArgumentError]])
    end
  end

  describe "synchronize" do
    it "lets one consumer of a partition in at a time, and itself again", deadline: 20 do
      coordinator(consumer { nil }) { parallel by: :key, limit: 2 }
      one, two = [1, 2].map { |id| deliver(FakeLease.new(%w[1], assignment_id: id)) }
      other = deliver(FakeLease.new(%w[1], assignment_id: 3, partition: 1))
      waiting = nil
      order = Queue.new
      one.synchronize do
        waiting = Thread.new { two.synchronize { order << :two } }
        other.synchronize { order << :other }
        Thread.pass until waiting.status == "sleep"
        one.synchronize { order << :one }
      end
      waiting.join
      expect(Array.new(3) { order.pop }).to eq(%i[other one two])
    end

    it "gives what the block returns, and lets go when it raises" do
      coordinator(consumer { nil })
      one = deliver(FakeLease.new(%w[1]))
      expect { one.synchronize { raise "no" } }.to raise_error("no")
      expect(one.synchronize { 5 }).to eq(5)
    end
  end

  it "goes over the batch with each" do
    coordinator(consumer { nil })
    one = deliver(FakeLease.new(%w[1 2]))
    expect(one.each.map(&:payload)).to eq([1, 2])
    expect { |block| one.each(&block) }.to yield_control.twice
  end

  it "has no collapsed mode, and says so where one is asked for" do
    coordinator(consumer { nil })
    one = deliver(FakeLease.new(%w[1]))
    expect(one.collapsed?).to be(false)
    expect { one.collapse_until!(5) }.to raise_error(Karafka::Errors::UnsupportedFeatureError, /parallel by: :key/)
  end

  it "has the last statistics of its partition where the route asks for them" do
    coordinator(consumer { nil })
    one = deliver(FakeLease.new(%w[1]))
    expect { one.insights }.to raise_error(Karafka::Errors::InvalidConfigurationError, /no `inline_insights true` in its route/)
    expect(one.insights?).to be(false)
    one.topic.inline_insights(true)
    expect([one.insights, one.insights?]).to eq([{}, false])
    group = one.topic.consumer_group.id
    of = ->(state, lag) { { "fetch_state" => state, "consumer_lag" => lag } }
    Karafka::Insights.add(group, "topics" => { "orders" => { "partitions" => { "0" => of["active", 3], "1" => of["none", 9] } } })
    # Of another client of the group, which has had it before.
    Karafka::Insights.add(group, "topics" => { "orders" => { "partitions" => { "0" => of["none", 7] } } })
    expect([one.insights["consumer_lag"], one.insights?, Karafka::Insights.of(group, "orders", 1)]).to eq([3, true, {}])
    Karafka::Insights.forget(group, [["orders", 0]])
    expect(one.insights?).to be(false)
  end
end
