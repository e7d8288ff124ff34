# frozen_string_literal: true

require "spec_helper"
require "timeout"
require "support/wait"
require "waterdrop"

# With `deliver = false`: the same rules, without a broker.
RSpec.describe "transactions of a producer" do
  include Wait

  let(:events) { [] }
  let(:log) { StringIO.new }

  let(:producer) do
    made = WaterDrop::Producer.new do |config|
      config.deliver = false
      config.kafka = { "transactional.id": "spec" }
      config.logger = Logger.new(log)
    end
    %w[started committed aborted finished].each { |name| made.monitor.subscribe("transaction.#{name}") { events << name } }
    made
  end

  def message(text = "x") = { topic: "t", payload: text }

  it "commits what the block does, and gives what it returns" do
    handle = nil
    result = producer.transaction do |yielded|
      expect(yielded).to be(producer)
      handle = producer.produce_async(message)
      7
    end
    expect(result).to eq(7)
    expect(handle.report).to be_delivered
    expect(events).to eq(%w[started committed finished])
  end

  it "joins the outer one where they are nested" do
    producer.transaction { producer.transaction { producer.produce_sync(message) } }
    expect(events).to eq(%w[started committed finished])
  end

  it "aborts in silence, and handles say so" do
    handle = nil
    result = producer.transaction do
      handle = producer.produce_async(message)
      producer.transaction { raise WaterDrop::AbortTransaction }
    end
    expect(result).to be_nil
    expect(handle.report.error.code).to eq(:purge_queue)
    expect(events).to eq(%w[started aborted finished])
  end

  it "aborts and raises again what else is raised, also what is no StandardError" do
    [RuntimeError.new("x"), Exception.new("y"), SystemExit.new].each do |error|
      events.clear
      expect { producer.transaction { raise error } }.to raise_error(error.class)
      expect(events).to eq(%w[started aborted finished])
    end
  end

  it "aborts where the block is left by break, return or throw, and says so" do
    # In a thread of its own: inside of `Timeout.timeout`, which throws itself, nothing is said.
    Thread.new do
      expect { [1].each { producer.transaction { break } } }.to raise_error(WaterDrop::Errors::EarlyTransactionExitNotAllowedError)
      expect { catch(:out) { producer.transaction { throw :out } } }.to raise_error(WaterDrop::Errors::EarlyTransactionExitNotAllowedError)
    end.join
    expect(events).to eq(%w[started aborted finished] * 2)
  end

  it "says in the log what a Timeout around it may have hidden, or raises where a Timeout can be told from a break" do
    left = -> { Timeout.timeout(60) { [1].each { producer.transaction { break } } } }
    if defined?(Timeout::ExitException)
      expect(&left).to raise_error(WaterDrop::Errors::EarlyTransactionExitNotAllowedError)
    else
      left.call
      expect(log.string).to include("a transaction was left by a Timeout, break, return or throw, so it is aborted")
    end
  end

  it "lets Timeout and Thread#kill through, aborted" do
    expect { Timeout.timeout(0.3) { producer.transaction { sleep } } }.to raise_error(Timeout::Error)
    inside = Queue.new
    thread = Thread.new do
      producer.transaction do
        inside << 1
        sleep
      end
    end
    inside.pop
    thread.kill.join
    expect(events).to eq(%w[started aborted finished] * 2)
    expect(producer.transaction { 1 }).to eq(1)
  end

  it "runs one at a time; other threads wait for their turn" do
    running = 0
    most = 0
    threads = Array.new(4) do
      Thread.new do
        5.times do
          producer.transaction do
            most = [most, running += 1].max
            Thread.pass
            running -= 1
          end
        end
      end
    end
    threads.each(&:join)
    expect(most).to eq(1)
    expect(events.tally["committed"]).to eq(20)
  end

  it "says so in a thread that is joined inside of it and cannot get its turn, and goes on" do
    made = WaterDrop::Producer.new do |config|
      config.deliver = false
      config.kafka = { "transactional.id": "spec", "transaction.timeout.ms": 1_000, "message.timeout.ms": 1_000 }
    end
    joined = lambda do
      made.transaction do
        thread = Thread.new { made.produce_sync(message) }
        thread.report_on_exception = false
        thread.join
      end
    end
    expect(&joined).to raise_error(WaterDrop::Errors::TransactionTurnError, /open for longer than transaction.timeout.ms \(1000 ms\)/)
    expect(made.transaction { 1 }).to eq(1)
  end

  it "belongs to the thread: other fibers of it join, an Enumerator's too" do
    handles = []
    producer.transaction do
      numbers = Enumerator.new { |each| 3.times { |number| each << producer.produce_async(message(number.to_s)) } }
      handles = Array.new(3) { numbers.next }
      Fiber.new { producer.transaction { handles << producer.produce_async(message("3")) } }.resume
      raise WaterDrop::AbortTransaction
    end
    expect(handles.map { |handle| handle.report.error&.code }).to eq([:purge_queue] * 4)
    expect(events).to eq(%w[started aborted finished])
  end

  it "that is begun in a fiber ends there, and is joined by its thread until then" do
    fiber = Fiber.new { producer.transaction { Fiber.yield(producer.produce_async(message)) } }
    fiber.resume
    handle = producer.produce_async(message)
    expect([producer.transaction?, events]).to eq([true, %w[started]])
    fiber.resume
    expect([handle.report.error, producer.transaction?, events]).to eq([nil, false, %w[started committed finished]])
  end

  it "makes each call outside of one a transaction of its own" do
    producer.produce_sync(message)
    producer.produce_async(message)
    producer.produce_many_sync([message] * 3)
    producer.buffer(message)
    producer.flush_sync
    expect(events.tally["committed"]).to eq(4)
  end

  it "aborts where a message of it is refused" do
    expect { producer.transaction { producer.produce_async(topic: "", payload: nil) } }
      .to raise_error(WaterDrop::Errors::MessageInvalidError)
    expect(events).to eq(%w[started aborted finished])
  end

  it "is not decided about by a subscriber that raises" do
    producer.monitor.subscribe("transaction.committed") { raise "a bug" }
    expect(producer.transaction { 1 }).to eq(1)
    expect(events).to include("committed", "finished")
  end

  it "cannot be closed inside of its own transaction, and waits for that of another thread" do
    expect { producer.transaction { producer.close } }.to raise_error(WaterDrop::Errors::ProducerTransactionalCloseAttemptError)
    inside = Queue.new
    go_on = Queue.new
    thread = Thread.new do
      producer.transaction do
        inside << 1
        go_on.pop
      end
    end
    inside.pop
    closer = Thread.new { producer.close }
    expect(closer.join(0.05)).to be_nil
    go_on << 1
    thread.join
    expect(closer.join(60)).to be(closer)
    expect(events.last(2)).to eq(%w[committed finished])
  end

  it "gets its turn in the order in which threads have asked, a close too, which takes no new ones" do
    order = Queue.new
    go_on = Queue.new
    waiting = lambda do |&work|
      thread = Thread.new(&work)
      wait_until("a thread that waits for its turn") { thread.status == "sleep" }
      thread
    end
    first = waiting.call { producer.transaction { go_on.pop } }
    threads = Array.new(3) { |index| waiting.call { producer.transaction { order << index } } }
    closer = waiting.call { producer.close.tap { order << :closed } }
    late = Thread.new { producer.produce_sync(message) rescue $!.class } # rubocop:disable Style/RescueModifier, Style/SpecialGlobalVars
    expect(late.value).to eq(WaterDrop::Errors::ProducerClosedError)
    go_on << 1
    [first, *threads, closer].each { |thread| expect(thread.join(Wait::LONG)).to be(thread) }
    expect(drain(order)).to eq([0, 1, 2, :closed])
  end

  it "is closed in time while threads begin one after the other, and none of them is broken" do
    errors = Queue.new
    threads = Array.new(4) do
      Thread.new do
        loop { producer.transaction { producer.produce_async(message) } }
      rescue WaterDrop::Errors::BaseError => e
        errors << e.class
      end
    end
    wait_until("some transactions") { events.size > 20 }
    expect(producer.close(Wait::LONG * 1_000)).to eq(0)
    threads.each(&:join)
    expect(drain(errors)).to eq([WaterDrop::Errors::ProducerClosedError] * 4)
    expect(events.tally.values_at("started", "committed")).to match([a_kind_of(Integer), events.tally["started"]])
  end

  it "has begun no close after all where that was interrupted" do
    go_on = Queue.new
    thread = Thread.new { producer.transaction { go_on.pop } }
    wait_until("the transaction") { events == %w[started] }
    expect { Timeout.timeout(0.05) { producer.close } }.to raise_error(Timeout::Error)
    go_on << 1
    thread.join
    expect(producer.produce_sync(message)).to be_delivered
  end

  it "sends its buffer in a transaction when it is closed, also from a trap" do
    producer.buffer(message)
    expect(producer.close).to eq(0)
    expect(events).to eq(%w[started committed finished])
  end

  it "is refused after a fork inside of it: it belongs to the parent" do
    reader, writer = IO.pipe
    producer.transaction do
      child = fork do
        reader.close
        begin
          producer.produce_sync(message)
        rescue Karafka::Errors::ForkedError => e
          writer.write(e.class)
        end
        exit!(0)
      end
      writer.close
      expect(reader.read).to eq("Karafka::Errors::ForkedError")
      Process.wait(child)
    end
    expect(events).to include("committed")
  end

  it "needs a transactional.id, a block and, for marks, a transaction" do
    plain = WaterDrop::Producer.new { |config| config.deliver = false }
    expect(plain.transactional?).to be(false)
    expect { plain.transaction { 1 } }.to raise_error(WaterDrop::Errors::ProducerNotTransactionalError, /transactional\.id/)
    expect { producer.transaction }.to raise_error(ArgumentError)
    expect { producer.transaction_mark_as_consumed(nil, nil) }.to raise_error(WaterDrop::Errors::TransactionRequiredError)
  end

  it "says so where no broker answers, and ends in time" do
    made = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1", "transactional.id": "spec", log_level: 0 }
      config.max_wait_timeout = 200
      config.logger = Logger.new(File::NULL)
    end
    Timeout.timeout(60) do
      expect { made.transaction { raise "not reached" } }.to raise_error(WaterDrop::Errors::TransactionError, /of a transaction failed/)
    end
  ensure
    made&.close(0)
  end
end
