# frozen_string_literal: true

require "spec_helper"

RSpec.describe Karafka::Server::Report do
  it "names what holds up a stop: the client that does not come out of its group, and the step" do
    groups = [{ id: "orders_0", group_id: "orders", closing: "leaving its group" }, { id: "events_0", group_id: "events", closing: nil }]
    engine = instance_double(Karafka::Engine, state: { leases: [], groups: groups })
    runtime = instance_double(Karafka::Runtime, engine: engine, workers: [], waits_for: "the engine")
    expect(described_class.blockers(runtime).lines(chomp: true)).to eq(
      ["the client of orders_0 (group orders) is leaving its group", "the stop waits for the engine"]
    )
  end
end
