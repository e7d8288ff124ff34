# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

# Filters of the application's own, and ticks, with the engine.
RSpec.describe "filters of an application" do
  include MockCluster

  let(:seen) { Queue.new }

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  def consume(klass = nil, &)
    broker.create_topic("orders", 1) unless @there
    seen = self.seen
    klass ||= consumer_class { messages.each { |message| seen << message.offset } }
    application do
      topic(:orders) do
        consumer klass
        instance_eval(&)
      end
    end
    Karafka::Embedded.start
  end

  def rows(count) = Array.new(count) { |number| %({"n":#{number}}) }
  def group = Karafka::App.routes.first.id

  it "leave messages out, and what they leave out is committed" do
    odd = Class.new(Karafka::Consumers::Filter) { def apply!(messages) = @applied = !messages.reject! { |m| m.offset.odd? }.nil? }
    consume { filter odd }
    produce("orders", rows(10))
    wait_until("the even ones") { seen.size == 5 }
    wait_until("the commit") { committed(group, "orders") == 10 }
    expect(drain(seen)).to eq([0, 2, 4, 6, 8])
  end

  it "pause at their cursor, and read on there; nothing is lost and nothing comes twice" do
    throttle = Class.new(Karafka::Consumers::Filter) do
      def apply!(messages)
        rest = messages.slice!(3..) || []
        @cursor = rest.first
        @applied = !@cursor.nil?
      end

      def action = :pause
      def timeout = 20
    end
    events = Queue.new
    Karafka.monitor.subscribe("filtering.throttled") { |event| events << event.payload.values_at(:message, :timeout) }
    broker.create_topic("orders", 1)
    @there = true
    produce("orders", rows(10))
    consume { filter throttle }
    wait_until("all of them") { seen.size >= 10 }
    wait_until("the commit") { committed(group, "orders") == 10 }
    expect(drain(seen)).to eq((0..9).to_a)
    message, timeout = events.pop
    expect([message.offset % 3, timeout]).to eq([0, 20])
  end

  it "seek to their cursor" do
    jump = Class.new(Karafka::Consumers::Filter) do
      def apply!(messages)
        @applied = messages.first.offset < 7
        @cursor = Karafka::Messages::Seek.new("orders", 0, 7)
        messages.clear if @applied
      end

      def action = :seek
    end
    consume { filter jump }
    produce("orders", rows(10))
    wait_until("the last three") { seen.size == 3 }
    wait_until("the commit") { committed(group, "orders") == 10 }
    expect(drain(seen)).to eq([7, 8, 9])
  end

  it "mark what they say, with manual offset management" do
    last = Class.new(Karafka::Consumers::Filter) do
      def apply!(messages)
        @cursor = messages.last
        @applied = true
        messages.clear
      end

      def mark_as_consumed? = true
      def marking_method = :mark_as_consumed!
    end
    consume do
      manual_offset_management true
      filter last
    end
    produce("orders", rows(10))
    wait_until("the commit") { committed(group, "orders") == 10 }
    expect(seen).to be_empty
  end

  it "filter a retry again, which goes on with what failed; dead letters are the right ones" do
    dropping = Class.new { def apply!(messages) = messages.reject! { |message| message.offset == 1 } }
    broker.create_topic("dead", 1)
    seen = self.seen
    klass = consumer_class do
      messages.each do |message|
        seen << message.offset
        raise "no" if message.offset == 2
      end
    end
    consume(klass) do
      filter dropping
      dead_letter_queue topic: "dead", max_retries: 1
    end
    dead = Queue.new
    Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |event| dead << event[:message].offset }
    produce("orders", rows(4))
    wait_until("the commit") { committed(group, "orders") == 4 }
    expect(drain(dead)).to eq([2])
    offsets = drain(seen)
    # As without a filter: twice in the batch, once alone.
    expect([offsets.uniq.sort, offsets.count(2)]).to eq([[0, 2, 3], 3])
  end

  it "tick again and again while nothing comes, from the first batch on, also after one that raised" do
    seen = self.seen
    errors = Queue.new
    klass = consumer_class { seen << messages.size }
    klass.define_method(:tick) do
      seen << :tick
      raise "no" if (@ticks = @ticks.to_i + 1) == 2
    end
    consume(klass) { periodic interval: 20 }
    Karafka.monitor.subscribe("error.occurred") { |event| errors << event[:type] }
    produce("orders", rows(1))
    wait_until("ticks") { seen.size >= 5 }
    first, *others = drain(seen)
    expect([first, others.uniq]).to eq([1, [:tick]])
    expect(errors.pop).to eq("consumer.tick.error")
    produce("orders", rows(1))
    wait_until("the next batch among them") { seen.size.positive? && drain(seen).include?(1) }
  end

  it "has words for ticks beside idle, with parallel, and while a partition waits" do
    klass = consumer_class { nil }
    klass.define_method(:idle) { nil }
    expect { consume(klass) { periodic true } }
      .to raise_error(Karafka::Errors::InvalidConfigurationError, /both `periodic` and a consumer with `idle`/)
    Karafka::App.routes.clear
    expect { Karafka::App.routes.draw { topic(:a) { periodic during_pause: true } } }
      .to raise_error(Karafka::Errors::UnsupportedFeatureError, /A partition that waits has no ticks/)
  end
end
