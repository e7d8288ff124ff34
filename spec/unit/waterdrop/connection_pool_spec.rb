# frozen_string_literal: true

require "timeout"
require "support/wait"
require "waterdrop"

RSpec.describe WaterDrop::ConnectionPool do
  include Wait

  after { described_class.close }

  let(:made) { [] }

  def pool(size: 2, timeout: 5_000)
    described_class.new(size: size, timeout: timeout) do |config, index|
      config.id = "p#{index}"
      config.client_class = WaterDrop::Clients::Buffered
      made << index
    end
  end

  it "makes producers when they are needed, and lends each to one thread at a time" do
    pool = self.pool(size: 2)
    expect([made, pool.stats]).to eq([[], { size: 2, available: 2 }])
    seen = Queue.new
    in_use = Hash.new(0)
    threads = Array.new(8) do
      Thread.new do
        50.times do
          pool.with do |producer|
            in_use[producer.id] += 1
            seen << [producer.id, in_use[producer.id]]
            Thread.pass
            in_use[producer.id] -= 1
          end
        end
      end
    end
    threads.each(&:join)
    expect(drain(seen).map(&:last).uniq).to eq([1])
    expect(made.sort - [1, 2]).to eq([])
    expect([made.size <= 2, pool.stats]).to eq([true, { size: 2, available: 2 }])
    expect(pool.close).to eq(0)
    expect { pool.with { nil } }.to raise_error(WaterDrop::Errors::ConnectionPoolClosedError)
  end

  it "gives the same thread the same producer again" do
    pool = self.pool(size: 1, timeout: 0)
    expect(pool.with { |outer| pool.with { |inner| [outer.equal?(inner), pool.stats[:available]] } }).to eq([true, 0])
  end

  it "stands in for a producer: a call lends one, and joins what the thread has begun" do
    pool = described_class.new(size: 2, timeout: 100) do |config, index|
      config.client_class = WaterDrop::Clients::Buffered
      config.deliver = false
      config.kafka = { "transactional.id": "p#{index}" }
    end
    expect([pool.transactional?, pool.transaction?, pool.config.kafka[:"transactional.id"]]).to eq([true, false, "p1"])
    pool.produce_sync(topic: "t", payload: "alone")
    inside = nil
    [true, false].each do |aborted|
      pool.transaction do
        pool.produce_many_async([{ topic: "t", payload: "a" }])
        pool.produce_sync(topic: "t", payload: "b")
        inside = pool.transaction?
        raise WaterDrop::AbortTransaction if aborted
      end
    end
    expect([inside, pool.with { |producer| producer.client.messages.map { |message| message[:payload] } }]).to eq([true, %w[alone a b]])
    expect(self.pool.transactional?).to be(false)
  end

  it "says so where none comes back in time" do
    pool = self.pool(size: 1, timeout: 20)
    pool.with do
      error = Thread.new { pool.with { nil } rescue $! }.value # rubocop:disable Style/RescueModifier, Style/SpecialGlobalVars
      expect(error).to be_a(WaterDrop::Errors::ConnectionPoolTimeoutError).and have_attributes(message: /none of the 1 producers/)
    end
    expect(pool.with(&:id)).to eq("p1")
  end

  it "gets a producer back whatever ends the block" do
    pool = self.pool(size: 1, timeout: 1_000)
    expect { pool.with { raise "a bug" } }.to raise_error("a bug")
    expect(pool.with { break :out }).to eq(:out)
    expect { Timeout.timeout(0.01) { pool.with { sleep } } }.to raise_error(Timeout::Error)
    thread = Thread.new { pool.with { sleep } }
    wait_until("the loan") { pool.stats[:available].zero? && thread.status == "sleep" }
    thread.kill.join
    expect(pool.stats[:available]).to eq(1)
  end

  it "gets a producer back where its thread is killed while it gives it back" do
    pool = self.pool(size: 1, timeout: 1_000)
    lock = pool.instance_variable_get(:@lock)
    holding = Queue.new
    thread = Thread.new { pool.with { holding.pop } }
    wait_until("the loan") { pool.stats[:available].zero? && thread.status == "sleep" }
    lock.synchronize do
      holding << true
      wait_until("the wait for the lock") { holding.num_waiting.zero? && thread.status == "sleep" }
      thread.kill
    end
    thread.join
    expect(pool.stats[:available]).to eq(1)
  end

  it "keeps a place whose producer could not be made" do
    fails = true
    pool = described_class.new(size: 1, timeout: 0) do |config|
      config.client_class = WaterDrop::Clients::Buffered
      config.max_payload_size = 0 if fails
    end
    expect { pool.with { nil } }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /max_payload_size/)
    fails = false
    expect(pool.with { |producer| producer.produce_sync(topic: "t", payload: nil) }).to be_delivered
  end

  it "makes new producers with the same indexes after a reload, and closes a late one" do
    pool = self.pool(size: 1, timeout: 20)
    late = nil
    pool.with do |producer|
      late = producer
      pool.reload
      expect(Thread.new { pool.with(&:itself) }.value).not_to equal(producer)
      expect(producer.status).to be_active
    end
    expect([late.status.closed?, made]).to eq([true, [1, 1]])
    before = pool.with(&:itself)
    pool.reload
    expect([before.status.closed?, pool.with(&:id)]).to eq([true, "p1"])
  end

  it "is one for the application, where it was set up" do
    expect { described_class.with { nil } }.to raise_error(WaterDrop::Errors::ConnectionPoolNotConfiguredError, /ConnectionPool.setup/)
    expect([described_class.stats, described_class.active?]).to eq([nil, false])
    described_class.setup(size: 3) { |config| config.deliver = false }
    expect(described_class.with { |producer| producer.produce_sync(topic: "t", payload: nil) }).to be_delivered
    expect([described_class.stats, described_class.active?]).to eq([{ size: 3, available: 3 }, true])
    described_class.reload
    expect([described_class.shutdown, described_class.active?]).to eq([0, false])
  end

  it "starts anew in a forked child" do
    pool = self.pool(size: 1, timeout: 0)
    reader, writer = IO.pipe
    pool.with do
      pid = fork do
        writer.write(pool.with { |producer| producer.produce_sync(topic: "t", payload: nil).delivered? }.to_s)
        exit!(0)
      end
      Process.wait(pid)
    end
    writer.close
    expect([reader.read, pool.stats[:available]]).to eq(["true", 1])
  end

  it "refuses what it cannot be" do
    expect { pool(size: 0) }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /size is 0/)
    expect { pool(timeout: nil) }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /timeout is nil/)
    expect { described_class.new(size: 1) }.to raise_error(ArgumentError, /needs a block/)
  end
end
