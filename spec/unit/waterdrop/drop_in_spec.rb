# frozen_string_literal: true

# Code that was written for WaterDrop 2.x: what it calls, stubs, rescues and reads from events.
RSpec.describe "Code written for WaterDrop" do
  def producer(**settings)
    WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1" }
      config.client_class = WaterDrop::Clients::Buffered
      settings.each { |name, value| config.public_send(:"#{name}=", value) }
    end
  end

  let(:made) { producer }

  after { made.close }

  describe "the client" do
    it "connects when somebody asks for it" do
      connected = 0
      made.monitor.subscribe("producer.connected") { connected += 1 }
      made.client
      expect([made.status.connected?, connected]).to eq([true, 1])
    end

    it "is missing before the set-up, and an error says so" do
      expect { WaterDrop::Producer.new.client }.to raise_error(WaterDrop::Errors::ProducerNotConfiguredError)
    end

    it "can be looked at after the close" do
      made.produce_sync(topic: "t", payload: "1")
      made.close
      expect(made.client.messages.size).to eq(1)
    end

    it "is made from a producer, as test helpers do" do
      clients = [WaterDrop::Clients::Buffered, WaterDrop::Clients::Dummy].map { |client| client.new(made) }
      expect(clients).to all(be_a(WaterDrop::Clients::Dummy))
    end

    it "may be stubbed with a buffered one, which then gets everything" do
      real = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1" } }
      buffered = WaterDrop::Clients::Buffered.new(real)
      allow(real).to receive(:client).and_return(buffered)
      real.produce_sync(topic: "t", payload: "1")
      real.produce_async(topic: "t", payload: "2").wait
      real.produce_many_sync([{ topic: "t", payload: "3" }, { topic: "t", payload: "4" }])
      real.buffer(topic: "t", payload: "5")
      real.flush_sync
      expect(buffered.messages.map { |message| message[:payload] }).to eq(%w[1 2 3 4 5])
      expect(real.status.connected?).to be(false)
    ensure
      real&.close
    end

    it "has its transactions where it is stubbed" do
      real = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1", "transactional.id": "t" } }
      buffered = WaterDrop::Clients::Buffered.new(real)
      allow(real).to receive(:client).and_return(buffered)
      real.transaction { real.produce_async(topic: "t", payload: "kept") }
      real.transaction { real.produce_async(topic: "t", payload: "dropped") && raise(WaterDrop::AbortTransaction) }
      real.produce_sync(topic: "t", payload: "alone")
      expect(buffered.messages.map { |message| message[:payload] }).to eq(%w[kept alone])
    ensure
      real&.close
    end

    it "gets everything also where it is stubbed after messages have taken the short way to the engine" do
      real = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1", log_level: 0 } }
      2.times { real.produce_async(topic: "t", payload: "engine") }
      buffered = WaterDrop::Clients::Buffered.new(real)
      allow(real).to receive(:client).and_return(buffered)
      real.produce_async(topic: "t", payload: "stubbed")
      expect([buffered.messages.map { |message| message[:payload] }, real.queue_size]).to eq([["stubbed"], 2])
    ensure
      real&.close(0)
    end

    it "may be stubbed in the middle of a producer's life, and given back" do
      buffered = WaterDrop::Clients::Buffered.new(made)
      made.produce_async(topic: "t", payload: "before")
      allow(made).to receive(:client).and_return(buffered)
      made.produce_async(topic: "t", payload: "stubbed")
      allow(made).to receive(:client).and_call_original
      made.produce_async(topic: "t", payload: "after")
      expect(buffered.messages.map { |message| message[:payload] }).to eq(["stubbed"])
      expect(made.client.messages.map { |message| message[:payload] }).to eq(%w[before after])
    end
  end

  describe "a closed producer" do
    before { made.tap { |it| it.produce_sync(topic: "t", payload: "1") }.close }

    it "refuses purge and flushes" do
      %i[purge flush_sync flush_async].each do |name|
        expect { made.public_send(name) }.to raise_error(WaterDrop::Errors::ProducerClosedError), name.to_s
      end
    end
  end

  describe "a pool" do
    def pool(**options, &block)
      block ||= lambda { |config, _index|
        config.kafka = { "bootstrap.servers": "127.0.0.1:1" }
        config.deliver = false
      }
      WaterDrop::ConnectionPool.new(**options, &block)
    end

    it "counts its producers from 1" do
      indexes = []
      made = pool(size: 2) do |config, index|
        indexes << index
        config.kafka = { "bootstrap.servers": "127.0.0.1:1" }
        config.deliver = false
      end
      made.with { |_one| Thread.new { made.with { nil } }.join }
      expect(indexes).to eq([1, 2])
    end

    it "says how many are available" do
      made = pool(size: 3)
      expect(made.available).to eq(3)
      made.with { expect(made.available).to eq(2) }
      made.close
      expect(made.available).to eq(0)
    end

    it "raises what `rescue Timeout::Error` takes when all are in use" do
      made = pool(size: 1, timeout: 1)
      made.with do
        failure = Thread.new do
          made.with { nil }
        rescue Timeout::Error => e
          e
        end
        expect(failure.value).to be_a(WaterDrop::Errors::ConnectionPoolTimeoutError)
      end
    end

    it "is set up again, and the earlier one is closed" do
      setup = lambda { |config, _index|
        config.kafka = { "bootstrap.servers": "127.0.0.1:1" }
        config.deliver = false
      }
      first = WaterDrop::ConnectionPool.setup(size: 1, &setup)
      second = WaterDrop::ConnectionPool.setup(size: 2, &setup)
      expect([first.active?, second.active?, WaterDrop.pool]).to eq([false, true, second])
      WaterDrop.with { |lent| expect(lent).to be_a(WaterDrop::Producer) }
    ensure
      WaterDrop::ConnectionPool.close
    end
  end

  describe "messages" do
    it "refuses a tombstone that has a payload" do
      expect { made.tombstone_sync(topic: "t", key: "k", payload: "x") }.to raise_error(WaterDrop::Errors::MessageInvalidError, /payload/)
    end

    it "takes any Enumerable" do
      made.produce_many_sync(Set[{ topic: "t", payload: "1" }])
      made.produce_many_async((2..3).lazy.map { |number| { topic: "t", payload: number.to_s } })
      made.buffer_many([{ topic: "t", payload: "4" }].each)
      made.tombstone_many_sync(Set[{ topic: "t", key: "k" }])
      made.flush_sync
      expect(made.client.messages.map { |message| message[:payload] }).to eq(["1", "2", "3", nil, "4"])
    end
  end

  describe "a setting that is changed after the set-up" do
    it "is refused, rather than ignored" do
      expect { made.config.wait_on_queue_full = false }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /after|set up/)
      expect { made.config.max_payload_size = 1 }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError)
    end
  end

  describe "events" do
    def heard(*names)
      events = []
      names.each { |name| made.monitor.subscribe(name) { |event| events << event } }
      yield
      events
    end

    it "have a time, where something took one" do
      names = %w[message.buffered messages.buffered buffer.flushed_sync messages.produced_sync buffer.purged]
      events = heard(*names) do
        made.buffer(topic: "t", payload: "1")
        made.buffer_many([{ topic: "t", payload: "2" }])
        made.flush_sync
        made.buffer(topic: "t", payload: "3")
        made.purge
      end
      expect(events.map(&:id).uniq).to match_array(names)
      expect(events.map { |event| event[:time] }).to all(be_a(Float))
    end

    it "of a transaction have a time" do
      names = %w[transaction.started transaction.committed transaction.aborted]
      transactional = producer(kafka: { "bootstrap.servers": "127.0.0.1:1", "transactional.id": "t" })
      events = []
      names.each { |name| transactional.monitor.subscribe(name) { |event| events << event } }
      transactional.transaction { transactional.produce_async(topic: "t", payload: "1") }
      transactional.transaction { raise WaterDrop::AbortTransaction }
      expect(events.map(&:id).uniq).to match_array(names)
      expect(events.map { |event| event[:time] }).to all(be_a(Float))
    ensure
      transactional&.close
    end

    it "of a flush come with those of the messages" do
      events = heard("messages.produced_async", "buffer.flushed_async") do
        made.buffer(topic: "t", payload: "1")
        made.flush_async
      end
      expect(events.map(&:id)).to eq(%w[messages.produced_async buffer.flushed_async])
      expect(events.map { |event| event[:messages].size }).to eq([1, 1])
    end

    it "have a handler each in the listener that logs" do
      missing = WaterDrop::Instrumentation::EVENTS.keys.reject do |name|
        %w[message.acknowledged statistics.emitted].include?(name) ||
          WaterDrop::Instrumentation::LoggerListener.method_defined?("on_#{name.tr(".", "_")}")
      end
      expect(missing).to eq([])
    end
  end

  describe "names" do
    it "of rdkafka are ours" do
      handle = made.produce_async(topic: "t", payload: "1")
      expect(handle).to be_a(Rdkafka::Producer::DeliveryHandle)
      expect(handle.wait).to be_a(Rdkafka::Producer::DeliveryReport)
      expect([Rdkafka::Config::ConfigError, Rdkafka::Config::ClientCreationError]).to all(be < StandardError)
    end

    it "of rdkafka's errors are known by their number" do
      codes = [3, -185, 7, 29].to_h { |number| [number, Rdkafka::RdkafkaError.new(number).code] }
      expect(codes).to eq(3 => :unknown_topic_or_part, -185 => :timed_out, 7 => :request_timed_out, 29 => :topic_authorization_failed)
      expect(Rdkafka::RdkafkaError.new(3).message).to match(/Unknown topic or partition/)
    end

    it "of the module: its producer or pool, its version and place" do
      expect(WaterDrop::VERSION).to match(/\A\d+\.\d+\.\d+/)
      expect(WaterDrop.gem_root).to eq(Pathname.new(File.expand_path("../../..", __dir__)))
      expect(WaterDrop.pool).to be_nil
      expect { WaterDrop.with { nil } }.to raise_error(WaterDrop::Errors::ConnectionPoolNotConfiguredError)
      expect { WaterDrop.transaction { nil } }.to raise_error(WaterDrop::Errors::ConnectionPoolNotConfiguredError)
    end

    it "of a variant" do
      expect(made.with(max_wait_timeout: 1)).to be_a(WaterDrop::Producer::Variant)
    end

    it "of the settings: a Hash of them, and a set-up of their own" do
      config = WaterDrop::Config.new
      config.setup { |settings| settings.kafka = { "bootstrap.servers": "127.0.0.1:1" } }
      expect(config.config).to equal(config)
      expect(config.to_h).to include(max_wait_timeout: 60_000, deliver: true)
      expect(config.to_h[:kafka]).to include("bootstrap.servers": "127.0.0.1:1")
    end

    it "of Karafka's core, which other gems subscribe with" do
      bus = Karafka::Core::Monitoring::Notifications.new
      bus.register_event("mine.happened")
      monitor = Karafka::Core::Monitoring::Monitor.new(bus)
      heard = nil
      monitor.subscribe("mine.happened") { |event| heard = event }
      monitor.instrument("mine.happened", { a: 1 })
      expect(heard).to be_a(Karafka::Core::Monitoring::Event)
      expect(heard[:a]).to eq(1)
    end
  end

  describe "contracts" do
    def errors_of(contract, hash, *rest) = contract.new(*rest).call(hash).then { |result| [result.success?, result.errors.to_h.keys] }

    it "check a message" do
      contract = ->(hash) { errors_of(WaterDrop::Contracts::Message, hash) }
      expect(contract.call(topic: "t", payload: "1")).to eq([true, []])
      expect(contract.call(topic: "t", payload: nil)).to eq([true, []])
      expect(contract.call(topic: "", payload: "1")).to eq([false, [:topic]])
      expect(contract.call(topic: "t", payload: 1)).to eq([false, [:payload]])
      expect(contract.call(topic: "t", payload: "123", key: "")).to eq([true, []])
    end

    it "check a message against the largest payload" do
      contract = WaterDrop::Contracts::Message.new(max_payload_size: 2)
      expect(contract.call(topic: "t", payload: "123").errors.to_h.keys).to eq([:payload])
    end

    it "check a tombstone" do
      expect(errors_of(WaterDrop::Contracts::Tombstone, { topic: "t", key: "k" })).to eq([true, []])
      expect(errors_of(WaterDrop::Contracts::Tombstone, { topic: "t", key: "k", payload: "x" })).to eq([false, [:payload]])
      expect(errors_of(WaterDrop::Contracts::Tombstone, { topic: "t" })).to eq([false, [:key]])
    end

    it "check the settings of a producer" do
      good = WaterDrop::Config.new.tap { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1" } }.to_h
      expect(errors_of(WaterDrop::Contracts::Config, good)).to eq([true, []])
      expect(errors_of(WaterDrop::Contracts::Config, good.merge(max_wait_timeout: -5))).to eq([false, [:max_wait_timeout]])
    end

    it "check a variant" do
      contract = ->(topic_config) { errors_of(WaterDrop::Contracts::Variant, { max_wait_timeout: 10, topic_config: topic_config }) }
      expect(contract.call({ acks: 1 })).to eq([true, []])
      expect(contract.call({ "linger.ms": 1 })).to eq([false, [:topic_config]])
    end

    it "check what a transaction marks" do
      expect(errors_of(WaterDrop::Contracts::TransactionalOffset, { consumer: nil, message: nil, offset_metadata: nil }))
        .to eq([false, %i[consumer message]])
    end
  end
end
