# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::Failures::Headers do
  include OneTopic

  def headers(topic, own, attempt)
    lease = FakeLease.new(["1"], first_offset: 9, topic: topic.name, headers: [own])
    described_class.for(Karafka::Messages::Messages.over(lease).first, topic, RuntimeError.new("no"), "error", attempt)
  end

  it "say in a retry topic where the message was at first and how often it was tried in all" do
    klass = Class.new(Karafka::BaseConsumer) { def consume = nil }
    route(klass) do
      retry_topics delays: [5, 10]
      dead_letter_queue topic: "dead"
    end
    origin, first, second = Karafka::App.routes.topics
    moved = headers(origin, { "tenant" => "a" }, 2)
    expect(moved).to include("tenant" => "a", "source_topic" => "orders", "source_offset" => "9", "source_attempts" => "2")
    again = headers(first, moved.merge(described_class::DUE => "1"), 3)
    expect(again).to include("source_topic" => "orders", "source_offset" => "9", "source_attempts" => "5")
    expect(again).not_to include(described_class::DUE)
    expect(headers(second, again, 1)).to include("source_attempts" => "6")
  end
end
