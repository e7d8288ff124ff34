# frozen_string_literal: true

require "support/routes"

RSpec.describe Karafka::Failures::Topics do
  let(:log) { StringIO.new }
  let(:producer) { instance_double(WaterDrop::Producer) }

  before do
    allow(Karafka).to receive(:producer).and_return(producer)
    klass = Class.new(Karafka::BaseConsumer) { def consume; end }
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
      config.logger = Logger.new(log)
    end
    Karafka::App.routes.draw do
      topic(:orders) do
        consumer klass
        retry_topics delays: [1_000]
        dead_letter_queue topic: "dead"
      end
    end
  end

  def said(*answers)
    allow(producer).to receive(:missing_topics).with(%w[dead orders.retry.1]).and_return(*answers)
    described_class.prepare(Karafka::App.routes.topics)
    log.string
  end

  it "says nothing where they are there" do
    expect(said([[], :unsaid])).to eq("")
  end

  it "asks again while no broker answers" do
    expect(said(nil, nil, [%w[dead], :off])).to match(/WARN.*Kafka has no topic dead/)
  end

  it "asks again while a broker that lists its topics does not tell its settings" do
    expect(said([%w[dead], :unanswered], nil, [%w[dead], :on])).to match(/INFO.*The broker creates it/)
    expect(log.string).not_to include("WARN")
  end

  it "says what it depends on where the settings never come" do
    stub_const("#{described_class}::PATIENCE", 0)
    expect(said([%w[dead], :unanswered])).to match(/WARN.*Unless your brokers create topics by themselves: /)
  end

  it "says what to do where one is missing and brokers create none" do
    expect(said([%w[dead], :off])).to match(
      /WARN.*Kafka has no topic dead, where messages go that cannot be processed\. kafka-topics --create --topic dead\. Until then/
    )
  end

  it "does not warn where the broker creates them" do
    expect(said([%w[dead orders.retry.1], :on])).to match(/INFO.*Kafka has no topic dead, orders\.retry\.1.*The broker creates it/)
    expect(log.string).not_to include("WARN")
  end

  it "says what it depends on where a broker does not tell" do
    expect(said([%w[dead], :unsaid])).to match(/WARN.*Unless your brokers create topics by themselves: kafka-topics --create --topic dead/)
  end
end
