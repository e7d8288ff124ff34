# frozen_string_literal: true

require "spec_helper"
require "timeout"
require "support/mock_cluster"
require "support/native_config"

# What asks a broker for offsets, or commits them, must let go where the broker does not answer.
RSpec.describe Karafka::Native::Lease, deadline: 120 do
  include MockCluster
  include NativeConfig

  after do
    @lease&.release
    @engine&.force_stop
    @engine&.join(30_000)
    close_cluster
  end

  let(:lease) do
    broker.create_topic("events", 1)
    produce("events", %w[1 2])
    kafka = { "bootstrap.servers" => broker.bootstrap_servers, "group.id" => "asks", "auto.offset.reset" => "earliest" }
    @engine = Karafka::Native::Engine.new(one_group("asks", kafka, { name: "events" }))
    @engine.start
    @lease = @engine.take
  end

  def elapsed
    started = Karafka::Clock.now
    yield
    Karafka::Clock.now - started
  end

  # The soonest of some, as the machine may be busy. Each goes on being asked by a thread that nobody waits for.
  def soonest(&) = shortest(0.2) { elapsed(&) }

  waits = {
    "a commit" => ->(lease) { lease.mark(lease.offset(0)) && lease.commit_sync },
    "the text beside the offset" => ->(lease) { lease.committed_metadata },
    "the committed offset" => ->(lease) { lease.committed_offset(20_000) },
    "the offset of a time" => ->(lease) { lease.offset_at(0, 20_000) }
  }.freeze

  waits.each do |name, wait|
    it "lets Timeout and Thread#kill through within 200 ms while it waits for #{name}" do
      lease
      broker.round_trip_ms(1, 30_000)
      late = soonest { expect { Timeout.timeout(0.1) { wait.call(lease) } }.to raise_error(Timeout::Error) } - 0.1
      expect(late).to be < 0.2 * GCStress.patience

      killed = soonest do
        thread = Thread.new { wait.call(lease) }
        wait_until("it waits") { thread.stop? }
        expect(elapsed { thread.kill.join }).to be < 20
      end
      expect(killed).to be < 0.2 * GCStress.patience
      broker.round_trip_ms(1, 0)
    end
  end

  it "commits all the same where the one who waits was interrupted" do
    lease
    broker.round_trip_ms(1, 1_000)
    lease.mark(lease.offset(0))
    expect { Timeout.timeout(0.1) { lease.commit_sync } }.to raise_error(Timeout::Error)
    broker.round_trip_ms(1, 0)
    wait_until("the commit") { committed("asks", "events") == 1 }
  end
end
