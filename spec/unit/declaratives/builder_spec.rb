# frozen_string_literal: true

require_relative "../../spec_helper"
require_relative "../../support/routes"

RSpec.describe Karafka::Declaratives::Builder do
  let(:app) { Karafka::App }
  let(:declaratives) { app.declaratives }
  let(:wrong) { Karafka::Errors::InvalidConfigurationError }

  def set_up(strict: false)
    app.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
      config.logger = Logger.new(nil)
      config.strict_declarative_topics = strict
    end
  end

  def reader = Class.new(Karafka::BaseConsumer) { def consume; end }

  it "has what was drawn, with the defaults of that moment" do
    declaratives.draw do
      topic(:plain)
      defaults do
        partitions 5
        config "retention.ms": 1
      end
      topic :orders do
        replication_factor 3
        config "cleanup.policy": "compact"
      end
      topic(:off) { active false }
    end
    expect(declaratives.topics.map(&:to_h)).to eq(
      [{ name: "orders", active: true, partitions: 5, replication_factor: 3,
         details: { "retention.ms" => 1, "cleanup.policy" => "compact" } },
       { name: "plain", active: true, partitions: 1, replication_factor: 1, details: {} }]
    )
    expect([declaratives.size, declaratives.empty?, declaratives.find_topic(:off).active?]).to eq([2, false, false])
    expect(declaratives.map(&:name)).to eq(%w[orders plain])
  end

  it "has what the routes say, once for all groups" do
    klass = reader
    app.routes.draw do
      %i[one two].each { |name| consumer_group(name) { topic(:orders) { consumer(klass) && config(partitions: 3, "retention.ms": 5) } } }
      topic(:undeclared) { consumer klass }
    end
    expect(declaratives.topics.map(&:to_h)).to match([include(name: "orders", partitions: 3, details: { "retention.ms" => 5 })])
    expect(declaratives.find_topic("undeclared")).to be_nil
  end

  it "refuses two declarations of one topic, naming where they differ" do
    expect { declaratives.draw { 2.times { topic(:orders) } } }.to raise_error(wrong, /topic orders is declared twice/)
    app.routes.draw { topic(:orders) { config(partitions: 3) } }
    expect { declaratives.topics }.to raise_error(wrong, /orders is declared twice, with different settings: partitions 1 and 3/)
  end

  it "refuses wrong values and names" do
    expect { declaratives.draw { topic(:orders) { partitions 0 } } }.to raise_error(wrong, /declared topic orders partitions is 0/)
    expect { declaratives.draw { topic("no spaces") } }.to raise_error(wrong, /declared topic is "no spaces"/)
    expect { declaratives.draw { topic(:orders) { config "retention.ms": nil } } }.to raise_error(wrong, /retention\.ms is nil/)
    expect { declaratives.draw }.to raise_error(ArgumentError, /takes a block/)
  end

  it "wants every consumed topic and its dead letters declared where that is strict" do
    set_up(strict: true)
    klass = reader
    app.routes.draw do
      topic :orders do
        consumer klass
        dead_letter_queue topic: "dead", max_retries: 1
      end
      topic(:declared) { consumer(klass) && config(active: false) }
      topic(/audit/) { consumer klass }
    end
    expect { app.boot! }.to raise_error(wrong, /strict_declarative_topics wants every topic declared, but orders, dead are not/)
    declaratives.draw { %w[orders dead].each { |name| topic(name) } }
    expect { app.boot! }.not_to raise_error
  end

  it "boots with declared topics, which a server need not create" do
    set_up
    klass = reader
    app.routes.draw { topic(:orders) { consumer(klass) && config(partitions: 3) } }
    expect { app.boot! }.not_to raise_error
  end

  it "creates those that are missing, and no other" do
    declaratives.draw { %w[old new].each { |name| topic(name) { partitions 2 } } }
    admin = instance_double(Karafka::Admin, topics: instance_double(Karafka::Admin::Topics, names: ["old"]), create_topic: true)
    expect(declaratives.create_missing(admin).map(&:name)).to eq(["new"])
    expect(admin).to have_received(:create_topic).once.with("new", 2, 1, {})
  end
end
