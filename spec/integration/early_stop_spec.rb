# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"

RSpec.describe "a stop or quiet that comes early" do
  include MockCluster

  let(:seen) { Queue.new }

  before do
    broker.create_topic("orders", 1)
    produce("orders", %w[1])
    seen = self.seen
    consumer = consumer_class { seen << messages.size }
    application { topic(:orders) { consumer(consumer) } }
    # Only what is set up below is slow.
    Karafka::App.config.producer
  end

  after do
    Karafka::Embedded.stop
    close_cluster
  end

  # An application whose boot takes until the block has run.
  def during_boot
    entered = Queue.new
    go = Queue.new
    Karafka.monitor.subscribe("app.initialized") do
      entered << true
      go.pop
    end
    thread = Thread.new { yield_status }
    entered.pop
    yield
    go << true
    thread
  end

  def yield_status = @starts.call

  [0, 1, 3].each do |delay|
    it "ends the server #{delay} ms after its thread was begun" do
      server = Thread.new { Karafka::Server.run }
      sleep(delay / 1_000.0) # the moment is what is tested
      Karafka::Server.stop
      expect(server.join(Wait::LONG)&.value).to eq(0)
    end
  end

  it "ends a server that another thread of the process stops before it has begun" do
    stopped = Queue.new
    stopper = Thread.new { Karafka::Server.stop.tap { stopped << true } }
    stopped.pop
    stopper.join
    expect([Karafka::Server.run, seen.size]).to eq([0, 0])
  end

  it "does not keep a server from starting that was stopped before by the thread that starts it, or by an after hook" do
    Karafka::Embedded.stop
    Karafka::Embedded.start
    wait_until("the message") { seen.size == 1 }
    Karafka::Embedded.stop
    Karafka::Server.stop
    server = Thread.new { Karafka::Server.run }
    wait_until("the server") { Karafka::App.running? }
    Karafka::Server.stop
    expect(server.value).to eq(0)
  end

  it "stops a server whose boot takes long, without a message" do
    @starts = -> { Karafka::Server.run }
    thread = during_boot { Karafka::Server.stop }
    expect([thread.value, seen.size, Karafka::App.terminated?]).to eq([0, 0, true])
  end

  it "stops an embedded server that is being started, and returns when it has ended" do
    @starts = -> { Karafka::Embedded.start }
    stopper = nil
    started = during_boot do
      stopper = Thread.new do
        Karafka::Embedded.stop
        Karafka::App.status
      end
      wait_until("the stop to wait") { stopper.status == "sleep" }
    end
    expect([started.join(Wait::LONG) && stopper.value, seen.size]).to eq([:terminated, 0])
  end

  it "stops from within a subscriber of the start, without waiting for itself" do
    Karafka.monitor.subscribe("app.initialized") { Karafka::Embedded.stop }
    Karafka::Embedded.start
    expect([Karafka::Server.wait(Wait::LONG), seen.size]).to eq([true, 0])
  end

  it "makes a server quiet that is being started" do
    @starts = -> { Karafka::Embedded.start }
    during_boot { Karafka::Server.quiet }.join
    wait_until("quiet") { Karafka::App.quiet? }
    expect(seen.size).to eq(0)
  end

  it "can be started again after a boot that failed" do
    Karafka::App.config.client_id = "x"
    allow(Karafka::App).to receive(:boot!).and_raise(Karafka::Errors::InvalidConfigurationError, "no")
    2.times { expect { Karafka::Embedded.start }.to raise_error(Karafka::Errors::InvalidConfigurationError) }
    allow(Karafka::App).to receive(:boot!).and_call_original
    Karafka::Embedded.start
    wait_until("the message") { seen.size == 1 }
  end
end
