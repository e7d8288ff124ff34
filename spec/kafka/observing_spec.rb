# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/http_probe"
require_relative "../support/free_ports"
require_relative "../support/real_swarm"

# What only a real Kafka shows: the last stable offset, several processes.
RSpec.describe "what processes on real Kafka show", deadline: 200 do
  include RealSwarm

  after do
    stop_supervisor
    stop_application
  end

  def topic_state(topic)
    state = JSON.parse(Karafka::Server.observer.state)
    state["groups"].flat_map { |one| one["topics"] }.find { |one| one["topic"] == topic }
  end

  it "has no lag where only an open transaction is left, and the right one once it is committed" do
    topic = cluster.create_topic
    producer.produce_many_sync(Array.new(3) { |index| { topic: topic, payload: "before #{index}" } })
    seen = Queue.new
    consume(topic) { messages.each { |message| seen << message.raw_payload } }
    3.times { seen.pop }
    wait_until("no lag") { topic_state(topic)&.fetch("lag")&.zero? }
    servers = cluster.bootstrap_servers
    transactional = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": servers, "transactional.id": "observing-#{SecureRandom.hex(4)}" }
    end
    transactional.transaction do
      transactional.produce_many_sync(Array.new(5) { |index| { topic: topic, payload: "open #{index}" } })
      # The log is longer now, and the group may not read on.
      wait_until("the log is longer") { topic_state(topic)["partition_states"][0]["high_watermark"] == 8 }
      expect(topic_state(topic)).to include("lag" => 0, "lag_ms" => 0)
    end
    5.times { seen.pop }
    # The marker that ends a transaction has an offset, and is no message.
    wait_until("the end behind the marker") { topic_state(topic)["partition_states"][0].values_at("position", "end") == [9, 9] }
    expect(topic_state(topic)).to include("lag" => 0, "consumed" => 8)
  ensure
    transactional&.close
  end

  it "says of a paused partition that grows how far it is behind, and by whom it was paused" do
    topic = cluster.create_topic(partitions: 2)
    seen = Queue.new
    consume(topic) { messages.each { |message| seen << message.raw_payload } }
    producer.produce_sync(topic: topic, partition: 0, payload: "first")
    seen.pop
    Karafka::Server.pause(topic: topic)
    producer.produce_many_sync(Array.new(7) { |index| { topic: topic, partition: 1, payload: index.to_s } })
    wait_until("lag") { topic_state(topic)["lag"] == 7 }
    expect(topic_state(topic)).to include("paused" => { "operator" => 2 }, "lag_ms" => be_between(0, 120_000))
    expect(JSON.parse(Karafka::Server.observer.ready)).to include("ok" => true)
    Karafka::Server.resume(topic: topic)
    7.times { seen.pop }
    wait_until("no lag") { topic_state(topic)["lag"].zero? }
    expect(topic_state(topic)["consumed"]).to eq(8)
  end

  it "answers for each node of a swarm at a port of its own" do
    topic = cluster.create_topic(partitions: 4)
    first = FreePorts.row(2)
    start(topic, setup: "config.http.port = #{first}")
    started(topic)
    states = [0, 1].map do |node|
      url = "http://127.0.0.1:#{first + node}"
      wait_until("node #{node}") { HttpProbe.get(url, "/readyz").status == 200 }
      HttpProbe.get(url, "/v1/state").json
    end
    expect(states.map { |state| state["process"].values_at("node", "pid") }).to eq(nodes.map { |node, pid| [node.to_s, pid] }.sort)
    expect(states.sum { |state| state["groups"][0]["partitions"] }).to eq(4)
    @swarm.signal(:TERM)
    expect(@swarm.wait).to eq(0)
  end
end
