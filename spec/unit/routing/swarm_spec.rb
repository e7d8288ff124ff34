# frozen_string_literal: true

RSpec.describe Karafka::Routing::SwarmNodes do
  let(:consumer) { Class.new(Karafka::BaseConsumer) { def consume; end } }

  before do
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
      config.swarm.nodes = 3
    end
  end

  def draw(&)
    klass = consumer
    Karafka::App.routes.draw do
      topic(:orders) do
        consumer klass
        instance_exec(&)
      end
    end
    Karafka::App.routes.topics.first
  end

  # @return [Array<Boolean>] whether each node consumes the topic
  def on_nodes
    Array.new(3) do |id|
      Karafka::App.config.swarm.node = Karafka::Swarm::Node.new(id, nil, nil)
      yield
    end
  ensure
    Karafka::App.config.swarm.node = nil
  end

  it "consumes on the nodes that a topic names, and everywhere without a swarm" do
    topic = draw { swarm(nodes: [0, 2]) }
    expect(on_nodes { topic.active? }).to eq([true, false, true])
    expect(topic).to be_active
    expect(topic.swarm.nodes).to eq([0, 2])
  end

  it "consumes on all nodes where nothing is said" do
    topic = draw { max_messages 1 }
    expect(on_nodes { topic.active? }).to all(be(true))
    expect(topic.swarm.nodes).to eq([0, 1, 2])
  end

  it "holds for the topics of a group, unless a topic says otherwise" do
    klass = consumer
    Karafka::App.routes.draw do
      consumer_group(:a) do
        swarm(nodes: 1..2)
        topic(:first) { consumer klass }
        topic(:second) do
          consumer klass
          swarm(nodes: [0])
        end
      end
      subscription_group(:b, swarm: { nodes: [2] }) { topic(:third) { consumer klass } }
    end
    topics = Karafka::App.routes.topics
    expect(on_nodes { topics.map(&:active?) }).to eq([[false, true, false], [true, false, false], [true, false, true]])
  end

  it "gives each node its partitions of a topic with assign" do
    topic = draw do
      assign(0..3)
      swarm(nodes: { 0 => [2, 3], 1 => 0..1 })
    end
    expect(on_nodes { topic.active? && topic.assign }).to eq([[2, 3], [0, 1], false])
    expect(topic.assign).to eq([0, 1, 2, 3])
  end

  it "refuses what are no nodes" do
    [[], 1, [-1], ["0"], 0.., { 0 => [] }, { 0 => nil }].each do |nodes|
      expect { draw { swarm(nodes: nodes) } }.to raise_error(Karafka::Errors::InvalidConfigurationError, /topic orders swarm nodes is/)
    end
    expect { draw { swarm([0]) } }.to raise_error(Karafka::Errors::InvalidConfigurationError, /given as nodes/)
    expect { draw { swarm(node: 1) } }.to raise_error(Karafka::Errors::InvalidConfigurationError, /`topic orders swarm node`.*nodes/)
  end

  it "refuses nodes that the swarm does not have, and partitions where the group shares them out" do
    draw { swarm(nodes: [0, 3]) }
    expect { Karafka::App.boot! }.to raise_error(Karafka::Errors::InvalidConfigurationError, /below config.swarm.nodes \(3\)/)
    Karafka::App.routes.clear
    draw { swarm(nodes: { 0 => [1] }) }
    expect { Karafka::App.boot! }.to raise_error(Karafka::Errors::InvalidConfigurationError, /`assign true`/)
  end
end
