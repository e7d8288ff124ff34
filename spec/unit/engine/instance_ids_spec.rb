# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Engine::Config, "instance ids" do
  include ApplicationHelpers

  def engine = described_class.new

  # The settings of librdkafka of each group.
  def kafka = engine.to_h[:groups].map { |group| group[:kafka] }

  it "gives several clients of one group different instance ids" do
    setup("group.instance.id": "pod-1")
    topic(:a)
    topic(:b) { initial_offset "latest" }
    expect(kafka.map { |settings| settings["group.instance.id"] }).to eq(%w[pod-1 pod-1_1])
    expect(engine.subscription_groups.map { |group| group.kafka[:"group.instance.id"] }).to eq(%w[pod-1 pod-1_1]), "for readers, too"
  end

  it "gives each node of a swarm instance ids of its own" do
    setup("group.instance.id": "pod-1")
    topic(:a)
    topic(:b) { initial_offset "latest" }
    ids = Array.new(2) do |id|
      app.config.swarm.node = Karafka::Swarm::Node.new(id, nil, nil)
      kafka.map { |settings| settings["group.instance.id"] }
    end
    expect(ids).to eq([%w[pod-1_0 pod-1_1_0], %w[pod-1_1 pod-1_1_1]])
  end

  it "puts the subscription group's place into an instance id that asks for it" do
    setup("group.instance.id": "pod-1_%{position}") # rubocop:disable Style/FormatStringToken
    klass = consumer_class
    app.routes.draw do
      consumer_group(:a) { subscription_group(:s, multiplexing: { max: 2 }) { topic(:a) { consumer klass } } }
      consumer_group(:b) { topic(:b) { consumer klass } }
    end
    expect(kafka.map { |settings| settings["group.instance.id"] }).to eq(%w[pod-1_0 pod-1_1 pod-1_2])
  end

  it "fills in the instance id of this process, and tells a client's several connections apart" do
    setup("group.instance.id": "shop-%{hostname}-%{POD_NAME}") # rubocop:disable Style/FormatStringToken
    klass = consumer_class
    app.routes.draw { subscription_group(:s, multiplexing: { max: 3 }) { topic(:a) { consumer klass } } }
    expect { kafka }.to be_refused(/POD_NAME is not in the environment/)
    stub_const("ENV", ENV.to_h.merge("POD_NAME" => "pod-7"))
    id = "shop-#{Etc.uname.fetch(:nodename)}-pod-7"
    expect(kafka.map { |settings| settings["group.instance.id"] }).to eq([id, "#{id}_0_1", "#{id}_0_2"])
    stub_const("ENV", ENV.to_h.merge("POD_NAME" => "no spaces"))
    expect { kafka }.to be_refused(/"group.instance.id" .*must be 1 to 249 letters/)
    expect { setup("group.instance.id": "x-%{host}") }.to be_refused(/%{host} is unknown/) # rubocop:disable Style/FormatStringToken
  end
end
