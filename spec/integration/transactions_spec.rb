# frozen_string_literal: true

require "spec_helper"
require "timeout"
require "support/mock_cluster"
require "waterdrop"

RSpec.describe "transactions on a cluster" do
  include MockCluster

  after { close_cluster }

  def producer(id = "spec", **kafka, &) = new_producer({ "transactional.id": id, **kafka }, &)

  it "commits, aborts and goes on" do
    broker.create_topic("t", 1)
    made = producer
    kept = made.transaction { made.produce_async(topic: "t", payload: "kept") }
    expect(kept.wait).to be_delivered
    gone = nil
    made.transaction do
      gone = made.produce_async(topic: "t", payload: "gone")
      raise WaterDrop::AbortTransaction
    end
    report = gone.wait(raise_response_error: false)
    expect(report.error&.code).to be_nil.or(eq(:purge_queue)).or(eq(:purge_inflight))
    expect(made.produce_many_sync([{ topic: "t", payload: nil }] * 3).size).to eq(3)
    expect(made.close).to eq(0)
  end

  it "raises at once and for ever when it is fenced" do
    broker.create_topic("t", 1)
    made = producer
    broker.request_errors("add_partitions_to_txn", [47]) # invalid producer epoch
    expect { made.transaction { made.produce_sync(topic: "t", payload: "x") } }
      .to raise_error(WaterDrop::Errors::TransactionError, /taken over/) { |error| expect(error).to be_fenced }
    expect { made.produce_async(topic: "t", payload: "x") }.to raise_error(WaterDrop::Errors::TransactionError, /taken over/)
    expect(made.close).to eq(0)
  end

  it "gets no new client once a commit has shown that it is fenced: that one would throw out who has taken over" do
    broker.create_topic("t", 1)
    made = producer
    broker.request_errors("add_partitions_to_txn", [47])
    expect { made.produce_sync(topic: "t", payload: "x") }.to raise_error(WaterDrop::Errors::TransactionError, /taken over/)
    client = made.client
    3.times { expect { made.produce_sync(topic: "t", payload: "x") }.to raise_error(WaterDrop::Errors::TransactionError, /taken over/) }
    expect(made.client).to equal(client)
  end

  it "makes a new client after a fatal error and goes on" do
    broker.create_topic("t", 1)
    made = producer
    broker.request_errors("init_producer_id", [53]) # not authorised, this once
    expect(made.produce_sync(topic: "t", payload: "x")).to be_delivered
  end

  it "gives a client up that gets no answer, tells its handles, and goes on with a new one" do
    broker.create_topic("t", 1)
    made = producer { |config| config.max_wait_timeout = 1_000 * Wait::PATIENCE }
    works = lambda do
      made.produce_sync(topic: "t", payload: "x")
    rescue WaterDrop::Errors::BaseError
      false
    end
    wait_until("a client that works", &works)
    handle = nil
    expect do
      made.transaction do
        handle = made.produce_async(topic: "t", payload: "x")
        broker.round_trip_ms(1, 3_600_000)
      end
    end.to raise_error(WaterDrop::Errors::TransactionError) { |error| expect(error).to be_in_doubt }
    wait_until("the report") { !handle.pending? }
    expect(handle.report.error).not_to be_nil
    broker.round_trip_ms(1, 0)
    wait_until("a new client that works", &works)
  end

  it "gives its connections up outside of a transaction only, and connects again with the next one" do
    broker.create_topic("t", 1)
    made = producer
    events = Queue.new
    times = []
    %w[connected disconnecting disconnected].each { |name| made.monitor.subscribe("producer.#{name}") { events << name } }
    made.monitor.subscribe("producer.disconnected") { |event| times << event[:time] }
    status = made.status
    made.transaction do
      made.produce_sync(topic: "t", payload: "x")
      expect([made.disconnectable?, made.disconnect, status.state]).to eq([false, false, :connected])
    end
    2.times do
      expect([made.disconnect, status.state, status.active?]).to eq([true, :disconnected, true])
      made.transaction { made.produce_sync(topic: "t", payload: "x") }
      expect(status).to be_connected
    end
    wait_until("the events") { events.size == 7 }
    expect(drain(events)).to eq(%w[connected] + (%w[disconnecting disconnected connected] * 2))
    expect(times).to contain_exactly(be_positive, be_positive)
  end

  it "is aborted when it is interrupted while it commits or works" do
    broker.create_topic("t", 1)
    made = producer
    made.produce_sync(topic: "t", payload: "x")
    expect { Timeout.timeout(0.3) { made.transaction { made.produce_async(topic: "t", payload: nil) && sleep } } }
      .to raise_error(Timeout::Error)
    broker.round_trip_ms(1, 1_500)
    expect { Timeout.timeout(0.3) { made.produce_sync(topic: "t", payload: nil) } }.to raise_error(Timeout::Error)
    thread = Thread.new { made.produce_sync(topic: "t", payload: nil) }
    wait_until("the begin") { thread.status == "sleep" }
    expect(thread.kill.join(Wait::LONG)).to be(thread)
    broker.round_trip_ms(1, 0)
    expect(made.produce_sync(topic: "t", payload: nil)).to be_delivered
  end

  it "starts anew in a forked child; the parent goes on" do
    broker.create_topic("t", 1)
    made = producer
    made.produce_sync(topic: "t", payload: "parent")
    reader, writer = IO.pipe
    child = fork do
      reader.close
      # The same id would fence the parent; an application gives each process its own.
      made.config.kafka[:"transactional.id"] = "child"
      writer.write(made.produce_sync(topic: "t", payload: "child").delivered?)
      made.close
      writer.close
      exit!(0)
    end
    writer.close
    expect(reader.read).to eq("true")
    wait_for_exit(child)
    expect(made.produce_sync(topic: "t", payload: "parent")).to be_delivered
  end
end
