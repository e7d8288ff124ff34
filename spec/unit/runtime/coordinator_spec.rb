# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::Coordinator do
  include OneTopic

  let(:routes) do
    klass = Class.new(Karafka::BaseConsumer) { def consume = messages.first.offset.even? ? raise("no") : nil }
    route(klass) do
      parallel by: :none, limit: 2
      dead_letter_queue topic: false, max_retries: 0, stop_after: { consecutive: 1 }
    end
  end
  let(:coordinator) { described_class.new(routes) }

  before { %w[error.occurred consumer.consuming.skipped dead_letter_queue.stopped].each { |name| Karafka.monitor.subscribe(name) { nil } } }

  # What became of that message in that lane.
  def run(lane, offset)
    lease = FakeLease.new(%w[1], first_offset: offset, assignment_id: lane)
    assignment = coordinator.fetch(lease)
    begin
      assignment.consume(lease)
      assignment.settle(lease)
    rescue RuntimeError => e
      assignment.failed(lease, e)
    end
    Array(lease.settled.last).first
  end

  it "has the lanes of a partition count together what fails, and what does not" do
    expect([run(1, 0), run(2, 2)]).to eq(%i[skip_message retry])
    # The stop has begun a new count. One lane fails, another one does not.
    expect([run(1, 4), run(2, 5), run(1, 6)]).to eq(%i[skip_message ack skip_message])
  end

  it "forgets an assignment when it has ended, and the count of its partition with the last lane" do
    run(1, 0)
    run(2, 1)
    run(1, 0)
    [1, 2].each { |lane| coordinator.evict(FakeLease.new(assignment_id: lane)) }
    expect(coordinator.size).to eq(0)
    expect(run(1, 2)).to eq(:skip_message)
  end

  it "makes no consumer for a partition that has had no batch when it is taken away" do
    lease = FakeLease.new(kind: :revoked)
    %i[revoked shutdown idle].each { |kind| coordinator.fetch(lease).public_send(kind, lease) }
    expect(coordinator.fetch(lease).consumer).to be_nil
  end
end
