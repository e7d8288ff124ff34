# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "trouble with the cluster" do
  include MockCluster

  let(:seen) { Queue.new }
  let(:errors) { Queue.new }

  before do
    broker.create_topic("orders", 1)
    Karafka.monitor.subscribe("error.occurred") { |event| errors << event }
  end

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  def start(&)
    klass = consumer_class(&)
    application { topic(:orders) { consumer(klass) } }
    Karafka::Embedded.start
  end

  it "goes on where it was when a broker comes back", deadline: 180 do
    seen = self.seen
    start { messages.each { |message| seen << message.payload } }
    produce("orders", %w[1])
    wait_until("the first message") { seen.size == 1 }
    broker.broker_down(1)
    wait_until("the report") { errors.size.positive? }
    event = errors.pop
    expect([event[:type], event[:error].class]).to eq(["librdkafka.error", Karafka::Errors::KafkaError])
    broker.broker_up(1)
    produce("orders", %w[2])
    wait_until("the second message") { seen.size == 2 }
    expect([seen.pop, seen.pop]).to eq([1, 2])
  end

  it "stops while no broker can be reached, within its time" do
    seen = self.seen
    start { seen << messages.size }
    produce("orders", %w[1])
    wait_until("the message") { seen.size == 1 }
    broker.broker_down(1)
    wait_until("the report") { errors.size.positive? }
    started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    Karafka::Embedded.stop
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - started).to be < 40
    broker.broker_up(1)
  end

  it "refuses wrong settings before anything is started" do
    before = Thread.list
    Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": broker.bootstrap_servers } }
    expect { Karafka::Embedded.start }.to raise_error(Karafka::Errors::InvalidConfigurationError, /nothing to consume/)
    # Threads of the example before may end meanwhile.
    expect(Thread.list - before).to eq([])
    expect(Karafka::Server.state).to be_nil
  end
end
