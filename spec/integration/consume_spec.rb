# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "consuming from a cluster" do
  include MockCluster

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  let(:seen) { Queue.new }

  def drained
    Array.new(seen.size) { seen.pop }
  end

  it "gives every message once, in the order of its partition, with key and headers" do
    seen = self.seen
    broker.create_topic("orders", 2)
    produce("orders", %w[{"id":1} {"id":2}], keys: %w[a b], headers: [{ "h" => "1" }])
    produce("orders", ['{"id":3}'], partition: 1)
    consumer = consumer_class { messages.each { |message| seen << [message.partition, message.payload["id"], message.key, message.headers] } }
    application { topic(:orders) { consumer(consumer) } }
    Karafka::Embedded.start
    wait_until("three messages") { seen.size == 3 }
    expect(drained.sort_by { |row| row[1] }).to eq([[0, 1, "a", { "h" => "1" }], [0, 2, "b", {}], [1, 3, nil, {}]])
  end
end
