# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::Assignment do
  include OneTopic

  def coordinator(klass, &)
    Karafka::Coordinator.new(route(klass, &))
  end

  def run(coordinator, lease)
    coordinator.fetch(lease).public_send(lease.kind, lease)
    coordinator.fetch(lease)
  end

  it "keeps one instance per assignment, and another for another one" do
    coordinator = coordinator(consumer { nil })
    first = run(coordinator, FakeLease.new(%w[1])).consumer
    expect(run(coordinator, FakeLease.new(%w[2])).consumer).to equal(first)
    expect(run(coordinator, FakeLease.new(%w[2], assignment_id: 2)).consumer).not_to equal(first)
  end

  it "makes a new instance for each batch without persistence, but not for a retry" do
    coordinator = coordinator(consumer { nil }) { consumer_persistence false }
    instances = [1, 1, 2].map { |attempt| run(coordinator, FakeLease.new(%w[1], attempt: attempt)).consumer }
    expect(instances.uniq.size).to eq(2)
    expect(instances[1]).to equal(instances[2])
  end

  it "has the route of a pattern under the name of the topic that was found" do
    routes = route(consumer { nil }, name: /\Aaudit\./)
    found = run(Karafka::Coordinator.new(routes), FakeLease.new(%w[1], topic: "audit.users")).consumer
    expect([found.topic.name, found.topic.id, found.topic.subscription_name]).to eq(%w[audit.users app_audit.users audit.users])
    expect(found.messages.first.topic).to eq("audit.users")
    expect(found.mark_as_consumed(found.messages.first)).to be(true)
    expect(routes.one.name).to eq("^audit\\.")
  end

  it "forgets an assignment" do
    coordinator = coordinator(consumer { nil })
    run(coordinator, lease = FakeLease.new(%w[1]))
    coordinator.evict(lease)
    expect(coordinator.size).to eq(0)
  end

  it "calls initialized once, before the first batch, and again on a new instance where it raised" do
    calls = []
    klass = consumer do
      define_method(:initialized) { (calls << topic.name).size == 1 && raise("not yet") }
      define_method(:consume) { calls << :consume }
    end
    coordinator = coordinator(klass)
    expect { run(coordinator, FakeLease.new(%w[1])) }.to raise_error("not yet")
    2.times { run(coordinator, FakeLease.new(%w[1])) }
    expect(calls).to eq(["orders", "orders", :consume, :consume])
  end

  it "has an empty batch in initialized" do
    seen = []
    run(coordinator(consumer { define_method(:initialized) { seen << [messages.to_a, messages.empty?, messages.metadata.topic] } }),
        FakeLease.new(%w[1]))
    expect(seen).to eq([[[], true, "orders"]])
  end

  it "calls revoked and shutdown only where there was a consumer" do
    calls = []
    klass = consumer do
      define_method(:revoked) { calls << :revoked }
      define_method(:shutdown) { calls << :shutdown }
      define_method(:eofed) { calls << :eofed }
    end
    coordinator = coordinator(klass)
    run(coordinator, FakeLease.new(kind: :shutdown, assignment_id: 7))
    run(coordinator, FakeLease.new(%w[1]))
    %i[eofed revoked shutdown].each { |kind| run(coordinator, FakeLease.new(kind: kind)) }
    expect(calls).to eq(%i[eofed revoked shutdown])
  end

  it "calls idle where there was a consumer, and lets it mark what is buffered" do
    routes = coordinator(consumer { def idle = mark_as_consumed(messages.last) })
    early = FakeLease.new(kind: :idle)
    run(routes, early)
    expect(early.marked).to eq([])
    run(routes, FakeLease.new(%w[1 2], first_offset: 4))
    run(routes, lease = FakeLease.new(kind: :idle))
    expect(lease.marked).to eq([5])
  end

  it "can mark buffered messages when it shuts down" do
    klass = consumer do
      def consume = (@buffer ||= []).concat(messages.to_a)
      def shutdown = mark_as_consumed(@buffer.last)
    end
    coordinator = coordinator(klass)
    run(coordinator, FakeLease.new(%w[1 2], first_offset: 3))
    run(coordinator, last = FakeLease.new(kind: :shutdown))
    expect(last.marked).to eq([4])
  end

  describe "batch_consuming false" do
    it "calls consume for each message and marks what is done" do
      seen = []
      coordinator = coordinator(consumer { define_method(:consume) { seen << params.payload } }) { batch_consuming false }
      run(coordinator, lease = FakeLease.new(%w[1 2 3]))
      expect([seen, lease.marked]).to eq([[1, 2, 3], [0, 1, 2]])
    end

    it "has marked what was done before a failure" do
      coordinator = coordinator(consumer { def consume = params.payload == 2 ? raise("two") : nil }) { batch_consuming false }
      expect { run(coordinator, @lease = FakeLease.new(%w[1 2 3])) }.to raise_error("two")
      expect(@lease.marked).to eq([0])
    end

    it "ends when the partition is lost" do
      seen = []
      coordinator = coordinator(consumer { define_method(:consume) { seen << params.payload } }) { batch_consuming false }
      lease = FakeLease.new(%w[1 2 3])
      lease.lost = true
      run(coordinator, lease)
      expect(seen).to eq([1])
    end
  end

  it "decodes with the topic's parser and names topics as the mapper does" do
    mapper = Class.new do
      def incoming(topic) = topic.delete_prefix("env.")
      def outgoing(topic) = "env.#{topic}"
    end
    Karafka::App.config.topic_mapper = mapper.new
    parser = Class.new { def self.parse(string) = string.upcase }
    seen = nil
    coordinator = coordinator(consumer do
                                define_method(:consume) do
                                  seen = [messages.first.payload, messages.first.topic]
                                end
                              end) { parser parser }
    run(coordinator, FakeLease.new(%w[x], topic: "env.orders"))
    expect(seen).to eq(%w[X orders])
  end
end
