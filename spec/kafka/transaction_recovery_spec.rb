# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"

RSpec.describe "a transactional producer after a transaction that failed, on real Kafka", deadline: 300 do
  include RealKafka

  after do
    made.each(&:close)
    Process.kill(:KILL, @child) && Process.wait(@child) if @child
  end

  let(:made) { [] }
  let(:servers) { cluster.bootstrap_servers }

  def transactional(id = "spec-#{SecureRandom.hex(6)}", **kafka)
    settings = { "bootstrap.servers": servers, "transactional.id": id, log_level: 0, **kafka }
    producer = WaterDrop::Producer.new do |config|
      config.kafka = settings
      config.logger = Logger.new(File::NULL)
      yield config if block_given?
    end
    made << producer
    producer
  end

  # A broker looks for transactions that took too long every ten seconds, and writes a marker into the log.
  def wait_for_the_timeout(topic)
    open_until = cluster.watermarks(topic)[0].last
    yield
    wait_until("the broker to give the transaction up") { cluster.watermarks(topic)[0].last > open_until + 1 }
  end

  it "commits the next one after a message that the broker has refused" do
    topic = cluster.create_topic(config: { "cleanup.policy" => "compact" })
    producer = transactional
    good = { topic: topic, key: "k", payload: "good" }
    bad = { topic: topic, payload: "without a key, which a compacted topic needs" }
    2.times do
      expect { producer.transaction { producer.produce_sync(bad) } }.to raise_error(WaterDrop::Errors::ProduceError, /validate/)
      expect(producer.transaction { producer.produce_sync(good) }).to be_delivered
      expect { producer.transaction { 2.times { producer.produce_async(bad) } } }.to raise_error(WaterDrop::Errors::TransactionError)
      expect(producer.produce_many_sync([good] * 3)).to all(have_attributes(report: be_delivered))
    end
  end

  it "aborts while messages and new partitions are on their way, and the next ones work" do
    topic = cluster.create_topic(partitions: 30)
    producer = transactional
    renewals = Queue.new
    producer.monitor.subscribe("error.occurred") { |event| renewals << event[:error].message }
    random = Random.new(seed = Random.new_seed)
    60.times do |round|
      producer.transaction do
        60.times { |index| producer.produce_async(topic: topic, partition: (round + index) % 30, payload: "gone") }
        producer.client.wait(producer.produce_async(topic: topic, payload: "gone").delivery, nil, random.rand(0..10))
        raise WaterDrop::AbortTransaction
      end
    end
    expect(producer.transaction { producer.produce_sync(topic: topic, payload: "kept") }).to be_delivered, "seed #{seed}"
    expect(drain(renewals)).to eq([]), "seed #{seed}"
  end

  it "goes on after one that took longer than transaction.timeout.ms, once in a row" do
    topic = cluster.create_topic
    producer = transactional("transaction.timeout.ms": 1_000, "message.timeout.ms": 1_000)
    late = lambda do
      producer.transaction { wait_for_the_timeout(topic) { producer.produce_sync(topic: topic, payload: "late") } }
    end
    reloads = Queue.new
    producer.monitor.subscribe("producer.reload") { |event| reloads << [event[:caller], event[:error].kind] }
    2.times do
      expect(&late).to raise_error(WaterDrop::Errors::TransactionError, /longer than transaction.timeout.ms \(1000 ms\)/) { |error|
        expect([error.kind, error.fenced?, error.code]).to eq([:timed_out, false, :transaction_timed_out])
      }
      expect([producer.produce_sync(topic: topic, payload: "x"), producer.status]).to match([be_delivered, be_connected])
    end
    expect(drain(reloads)).to eq([[producer, :timed_out]] * 2)
    # Nothing was committed in between.
    2.times { expect(&late).to raise_error(WaterDrop::Errors::TransactionError, /longer than transaction.timeout.ms/) }
    expect(producer.status).to be_fenced
    expect(producer.status).not_to be_active
  end

  # The child has a transaction open and stands still, so that nobody can tell whether it still lives.
  def stopped_owner(id, topic)
    reader, writer = IO.pipe
    pid = fork do
      reader.close
      producer = transactional(id, "transaction.timeout.ms": 1_000, "message.timeout.ms": 1_000)
      begin
        producer.transaction do
          producer.produce_sync(topic: topic, payload: "never seen")
          writer.puts("open")
          Process.kill(:STOP, Process.pid)
        end
      rescue WaterDrop::Errors::TransactionError => e
        writer.puts([e.kind, producer.status, (producer.produce_sync(topic: topic) rescue $!.kind)].join(" ")) # rubocop:disable Style/RescueModifier, Style/SpecialGlobalVars
      end
      exit!(0)
    end
    writer.close
    [pid, reader]
  end

  it "leaves the other owner of its id alone when it was stopped for longer than the timeout and goes on" do
    topic = cluster.create_topic
    id = "spec-#{SecureRandom.hex(6)}"
    pid = reader = nil
    wait_for_the_timeout(topic) do
      pid, reader = stopped_owner(id, topic)
      @child = pid
      expect(reader.gets).to eq("open\n")
      wait_until("the stop") { File.read("/proc/#{pid}/stat").split[2] == "T" }
      @stopped_at = Karafka::Clock.now
    end
    owner = transactional(id)
    expect(owner.produce_sync(topic: topic, payload: "1")).to be_delivered
    wait_until("a standstill that is no hiccup") { Karafka::Clock.now - @stopped_at > 6 }
    Process.kill(:CONT, pid)
    expect(reader.gets).to eq("fenced fenced fenced\n")
    wait_for_exit(pid)
    3.times { expect(owner.produce_sync(topic: topic, payload: "2")).to be_delivered }
    @child = nil
  end

  it "goes on after it was fenced where a subscriber gives it another transactional.id, and only then" do
    topic = cluster.create_topic
    [true, false].each do |renamed|
      id = "spec-#{SecureRandom.hex(6)}"
      older = transactional(id) { |config| config.non_reloadable_errors = [] }
      older.monitor.subscribe("producer.reload") do |event|
        event[:caller].config.kafka[:"transactional.id"] = "#{id}-2" if renamed && event[:error].code == :fenced
      end
      older.produce_sync(topic: topic, payload: "older")
      newer = transactional(id)
      newer.produce_sync(topic: topic, payload: "newer")
      expect { older.produce_sync(topic: topic, payload: "x") }
        .to raise_error(WaterDrop::Errors::TransactionError) { |error| expect(error).to be_fenced }
      if renamed
        expect([older.produce_sync(topic: topic, payload: "again"), older.status]).to match([be_delivered, be_connected])
      else
        expect { older.produce_sync(topic: topic, payload: "x") }.to raise_error(WaterDrop::Errors::TransactionError, /taken over/)
        expect(older.status).to be_fenced
      end
      expect(newer.produce_sync(topic: topic, payload: "newer")).to be_delivered
    end
  end
end
