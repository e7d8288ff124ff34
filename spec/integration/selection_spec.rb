# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "rate and selection" do
  include MockCluster

  let(:seen) { Queue.new }

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  def consume(&)
    broker.create_topic("orders", 1)
    seen = self.seen
    klass = consumer_class { messages.each { |message| seen << message.raw_payload[/\d+/].to_i } }
    application do
      topic(:orders) do
        consumer klass
        instance_eval(&)
      end
      consumer_group("other") { topic(/\Aaudit\./) { consumer klass } }
    end
    Karafka::Embedded.start
  end

  def all = drain(seen)

  it "hands over only what matches, counts the rest, and says so" do
    skipped = Queue.new
    Karafka.monitor.subscribe("filtering.skipped") { |event| skipped << event.payload.values_at(:topic, :partition, :filtered) }
    consume { only json: { "type" => "purchase", "user.id" => [1, 2] } }
    produce("orders", [1, 2, 3, 4].map { |id| %({"id":#{id},"type":"#{id == 2 ? "view" : "purchase"}","user":{"id":#{id}}}) })
    produce("orders", ['{"id":5,"type":'])
    wait_until("the one that cannot be read is delivered, too") { seen.size == 2 }
    expect(all).to eq([1, 5])
    expect(Karafka::Server.state[:skipped]).to eq(filtered: 3, expired: 0)
    wait_until("the event") { !skipped.empty? }
    expect(skipped.pop).to eq(["orders", 0, 3])
  end

  it "keeps a rate that can be changed while it runs" do
    consume { throttle limit: 5, interval: 60_000 }
    produce("orders", (1..50).map { |id| %({"id":#{id}}) })
    wait_until("the first five") { seen.size == 5 }
    Karafka::App.routes.topics.first.throttle.limit = 20
    wait_until("those of the new limit") { seen.size == 20 }
    Karafka::App.routes.topics.first.throttle.change(limit: 1_000, interval: 10)
    wait_until("the rest") { seen.size == 50 }
    expect(all).to eq((1..50).to_a)
  end

  it "pauses and resumes from outside" do
    expect { Karafka::Server.pause }.to raise_error(Karafka::Errors::EngineError, /no server runs/)
    consume { max_messages 1 }
    wait_until("the assignment") { Karafka::Server.state[:groups].first[:assigned].any? }
    expect(Karafka::Server.pause(topic: :orders, partition: 0)).to eq(1)
    expect(Karafka::Server.pause(group: "other")).to eq(0)
    other = { group: "other", topic: nil, partition: nil }
    expect { Karafka::Server.pause(topic: "order") }.to raise_error(ArgumentError, /no route has the topic `order`. Did you mean `orders`/)
    expect { Karafka::Server.resume(group: "othr") }.to raise_error(ArgumentError, /no route has the group `othr`/)
    expect { Karafka::Server.pause(group: "other", topic: "orders") }.to raise_error(ArgumentError, /no route has the topic `orders`/)
    expect(Karafka::Server.pause(topic: "audit.new")).to eq(0), "a pattern may find it later"
    audit = { group: nil, topic: "audit.new", partition: nil }
    expect(Karafka::Server.state[:paused]).to eq([{ group: nil, topic: "orders", partition: 0 }, other, audit])
    produce("orders", ['{"id":1}'])
    expect { Karafka::Server.pause(partition: 1) }.to raise_error(ArgumentError, /together with its topic/)
    expect(Karafka::Server.resume(topic: "orders")).to eq(1)
    wait_until("the message") { seen.size == 1 }
    Karafka::Server.resume
    expect(Karafka::Server.state[:paused]).to eq([])
  end
end
