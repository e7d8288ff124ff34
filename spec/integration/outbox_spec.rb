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
    expect { Outbox.send_batch(producer: dead) }.to raise_error(WaterDrop::Errors::ProduceManyError)
    expect(Outbox.order(:id).pluck(:payload)).to eq(%w[1 2])
    broker.create_topic("orders", 1)
    expect(Outbox.send_batch(producer: producer)).to eq(2)
  end

  it "goes on until the process gets TERM, whatever Kafka says meanwhile" do
    add("1")
    answers = [-> { raise WaterDrop::Errors::ProduceError, "no broker" }, -> { 2 }, -> { 0 }, -> { Process.kill(:TERM, Process.pid) && 0 }]
    allow(Outbox).to receive(:send_batch) { answers.shift.call }
    log = StringIO.new
    allow(Karafka).to receive(:logger).and_return(Logger.new(log))
    before = trap("TERM", "DEFAULT")
    Timeout.timeout(60) { Outbox.run(pause: 0.01) }
    expect(answers.size).to be_zero
    expect(log.string).to include("the outbox is not sent: no broker")
  ensure
    trap("TERM", before)
    trap("INT", "DEFAULT")
  end
end
