# frozen_string_literal: true

require_relative "../spec_helper"
require "active_record"
require "support/optional_gems"
require "support/mock_cluster"

RSpec.describe "the example of an outbox", skip: OptionalGems.missing("sqlite3") do
  include MockCluster

  before(:all) do
    ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ":memory:")
    ActiveRecord::Migration.verbose = false
    %w[outbox create_outbox].each { |file| require_relative "../../examples/outbox/#{file}" }
    CreateOutbox.new.migrate(:up)
  end

  after(:all) { ActiveRecord::Base.remove_connection }

  after do
    Outbox.delete_all
    close_cluster
  end

  let(:producer) { new_producer({ "message.timeout.ms": 2_000 }) }

  def add(*payloads) = payloads.each { |payload| Outbox.add(topic: "orders", key: "k", payload: payload) }

  it "sends what is committed, oldest first, in batches, and deletes it" do
    broker.create_topic("orders", 1)
    add("1", "2", "3")
    expect(Array.new(3) { Outbox.send_batch(producer: producer, limit: 2) }).to eq([2, 1, 0])
    expect([sent_to("orders"), Outbox.count]).to eq([3, 0])
  end

  it "has nothing to send of a transaction that was rolled back" do
    Outbox.transaction do
      add("1")
      raise ActiveRecord::Rollback
    end
    expect(Outbox.send_batch(producer: producer)).to eq(0)
  end

  it "keeps what Kafka does not take" do
    add("1", "2")
    dead = new_producer({ "bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 300 })
    expect(Outbox.send_batch(producer: dead)).to eq(0)
    expect(Outbox.order(:id).pluck(:payload)).to eq(%w[1 2])
    broker.create_topic("orders", 1)
    expect(Outbox.send_batch(producer: producer)).to eq(2)
  end

  # By the row, as Kafka may refuse a message at once, or only answer so.
  [true, false].each do |at_once|
    it "neither holds up nor repeats other rows where one is refused #{at_once ? "at once" : "in the end"}" do
      broker.create_topic("orders", 1)
      add("before", "refused", "behind")
      allow(producer).to receive(:produce_async).and_wrap_original do |original, message|
        next original.call(message) unless message[:payload] == "refused"

        refusal = WaterDrop::Errors::ProduceError.new("too large")
        raise refusal if at_once

        instance_double(WaterDrop::DeliveryHandle).tap { |handle| allow(handle).to receive(:wait).and_raise(refusal) }
      end
      log = StringIO.new
      allow(Karafka).to receive(:logger).and_return(Logger.new(log))
      expect(Array.new(2) { Outbox.send_batch(producer: producer) }).to eq([2, 0])
      expect([sent_to("orders"), Outbox.pluck(:payload)]).to eq([2, ["refused"]])
      expect(log.string).to match(/rows that stay in the outbox: 1, the first is \d+: too large/)
    end
  end

  it "refuses a topic that cannot be" do
    expect { Outbox.add(topic: "größe", payload: "1") }.to raise_error(ActiveRecord::RecordInvalid)
  end

  it "goes on until the process gets TERM, whether there was something to send or not" do
    answers = [-> { 0 }, -> { 2 }, -> { 0 }, -> { Process.kill(:TERM, Process.pid) && 0 }]
    allow(Outbox).to receive(:send_batch) { answers.shift.call }
    before = trap("TERM", "DEFAULT")
    Timeout.timeout(60) { Outbox.run(pause: 0.01) }
    expect(answers.size).to be_zero
  ensure
    trap("TERM", before)
    trap("INT", "DEFAULT")
  end
end
