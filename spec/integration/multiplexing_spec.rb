# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "several connections for the same topics" do
  include MockCluster

  before { broker.create_topic("orders", 1) }

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  it "become fewer where there are no partitions for them, which is said, and the rest goes on" do
    scaled = Queue.new
    seen = Queue.new
    Karafka.monitor.subscribe("multiplexing.scaled") do |event|
      scaled << [event[:connections], event[:change], event[:consumer_group_id], event[:subscription_group_id]]
    end
    klass = consumer_class { messages.each { |message| seen << message.payload } }
    application do
      subscription_group(:events) do
        multiplexing(max: 2, min: 1, boot: 2, scale_delay: 1_000)
        topic(:orders) { consumer klass }
      end
    end
    Karafka::Embedded.start
    expect(Karafka::Server.state[:groups].map { |group| group[:id] }).to eq(%w[app_0_0 app_0_1])
    connections, change, group, who = scaled.pop
    expect([connections, change, group]).to eq([1, :down, "app"])
    expect(Karafka::Server.state[:groups].to_h do |one|
             [one[:id], one[:running]]
           end).to eq("app_0_0" => true, "app_0_1" => true, who => false)
    expect(log.string).to match(/1 connection consumes orders now: #{who} has had no partition for a while/)
    produce("orders", %w[1 2])
    wait_until("the commit", seconds: 60) { committed("app", "orders") == 2 }
    expect([seen.pop, seen.pop, scaled.size]).to eq([1, 2, 0])
  end
end
