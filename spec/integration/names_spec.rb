# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "consumers with names of Karafka 2.x" do
  include MockCluster

  let(:seen) { Queue.new }

  before { %w[orders copies dead].each { |topic| broker.create_topic(topic, 1) } }

  after do
    Karafka::Embedded.stop
    Karafka.producer.close
    close_cluster
  end

  it "know what is assigned, the end, what went wrong before, and pass messages on" do
    seen = self.seen
    klass = consumer_class do
      seen << [messages.to_a.map(&:raw_payload), errors_tracker.map(&:message), eofed?, used?, Karafka::App.assignments.values]
      messages.each(clean: true) do |message|
        raise "bad" if message.raw_payload == "bad" && attempt == 1

        message.raw_payload == "bad" ? dispatch_to_dlq(message) : pipe_sync(topic: "copies", message: message)
        mark_as_consumed(message)
      end
    end
    klass.define_method(:eofed) { seen << :eofed }
    start_orders(klass, eofed: true, dead_letter_queue: { topic: "dead", max_retries: 5 })
    wait_until("an empty end") { seen.size.positive? && seen.pop == :eofed }
    Karafka::App.assignments.then do |assignments|
      expect(assignments.transform_keys(&:name)).to eq("orders" => [0])
    end
    produce("orders", %w[good bad])
    wait_until("the commit") { committed("app", "orders") == 2 }
    batches = Array.new(seen.size) { seen.pop }.grep(Array)
    expect(batches.first.values_at(0, 1)).to match([start_with("good"), []])
    expect(batches.last.values_at(0, 1)).to eq([%w[bad], %w[bad]])
    expect(batches.map { |batch| batch.values_at(3, 4) }.uniq).to eq([[true, [[0]]]])
    expect([sent_to("copies"), sent_to("dead")]).to eq([1, 1])
    expect(Karafka::Server.execution_mode).to be_embedded
    Karafka::Embedded.stop
    expect(Karafka::App.assignments).to eq({})
  end
end
