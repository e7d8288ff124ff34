# frozen_string_literal: true

require "open3"
require "waterdrop"

# Lines that stand in WaterDrop's documentation, and so in applications.
RSpec.describe "names that applications of WaterDrop use" do
  def producer
    WaterDrop::Producer.new do |config|
      config.client_class = WaterDrop::Clients::Buffered
      config.logger = Logger.new(log)
      yield config if block_given?
    end
  end

  # A producer with a client that refuses each step of a transaction.
  def failing_transactions(answer)
    made = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1", "transactional.id": "t", log_level: 0 }
      config.logger = Logger.new(log)
      config.reload_on_transaction_fatal_error = false
    end
    allow(made.client.native).to receive_messages(transact: nil, transaction_answer: answer)
    made
  end

  def rescued_by_rdkafka
    yield
  rescue Rdkafka::RdkafkaError => e
    e
  end

  let(:log) { StringIO.new }

  it "aborts a transaction with either name of the error" do
    made = producer { |config| config.kafka = { "transactional.id": "t" } }
    result = made.transaction do
      made.produce_async(topic: "t", payload: "1")
      raise WaterDrop::Errors::AbortTransaction
    end
    expect([result, made.client.messages, WaterDrop::AbortTransaction]).to eq([nil, [], WaterDrop::Errors::AbortTransaction])
  end

  it "has the errors that applications rescue" do
    %i[ProducerUsedInParentProcess StatusInvalidError TransactionalOffsetInvalidError StatisticsNotEnabledError].each do |name|
      expect(WaterDrop::Errors.const_get(name)).to be < WaterDrop::Errors::BaseError
    end
  end

  it "takes a block as middleware" do
    made = producer
    made.middleware.append { |message| message.merge(payload: "#{message[:payload]}b") }
    made.middleware.prepend { |message| message.merge(payload: "#{message[:payload]}a") }
    made.produce_sync(topic: "t", payload: "1")
    expect(made.client.messages.first[:payload]).to eq("1ab")
    expect { made.middleware.append }.to raise_error(ArgumentError, /nil does not answer to call/)
  end

  it "waits with rdkafka's older name for the time, in seconds" do
    handle = producer.produce_async(topic: "t", payload: nil)
    [1, 0.5, 0, -1, nil].each { |value| expect(handle.wait(max_wait_timeout: value)).to be_delivered }
    ["1", -2, Float::NAN, 1i].each do |value|
      expect { handle.wait(max_wait_timeout: value) }.to raise_error(ArgumentError, /max_wait_timeout/)
    end
  end

  it "puts labels on a producer" do
    made = producer
    made.tags.add(:kind, "billing")
    expect(made.tags.to_a).to eq(["billing"])
  end

  it "knows each state, and where its lists and listeners are" do
    expect(producer.status).not_to be_disconnecting
    expect(WaterDrop::Instrumentation::Notifications::EVENTS).to include("message.acknowledged", "statistics.emitted")
    expect(WaterDrop::Instrumentation::StdoutListener).to be(WaterDrop::Instrumentation::LoggerListener)
    expect { WaterDrop::Instrumentation::Vendors::NewRelic }
      .to raise_error(Karafka::Errors::UnsupportedFeatureError, /WaterDrop::Instrumentation::Vendors::NewRelic/)
  end

  it "tells middleware which variant a call goes through" do
    made = producer
    seen = []
    made.middleware.append(lambda { |message|
      seen << made.current_variant
      message
    })
    careless = made.with(topic_config: { acks: 1 }, max_wait_timeout: 5)
    careless.produce_async(topic: "t", payload: nil)
    made.produce_async(topic: "t", payload: nil)
    Fiber.new { careless.produce_many_sync([{ topic: "t", payload: nil }]) }.resume
    expect(seen.map(&:default?)).to eq([false, true, false])
    expect([seen.first, made.current_variant.default?, producer.current_variant.default?]).to eq([careless, true, true])
  end

  it "rescues by rdkafka's names what a handle or a call raises" do
    refused = Karafka::Errors::KafkaError.new("gone", code: :purge_queue)
    late = Karafka::Errors::TimeoutError.new("late")
    [[Rdkafka::RdkafkaError, refused], [Rdkafka::AbstractHandle::WaitTimeoutError, late], [Rdkafka::Producer::WaitTimeoutError, late],
     [Rdkafka::Producer::DeliveryHandle::WaitTimeoutError, late]].each do |name, cause|
      expect { raise WaterDrop::Errors::ProduceError, "m", cause: cause }.to raise_error(name)
      expect { raise cause }.to raise_error(name)
    end
    [nil, late].each do |cause|
      expect { rescued_by_rdkafka { raise WaterDrop::Errors::ProduceError, "m", cause: cause } }
        .to raise_error(WaterDrop::Errors::ProduceError)
    end
    expect(rescued_by_rdkafka { raise WaterDrop::Errors::ProduceError, "m", cause: refused }.code).to eq(:purge_queue)
  end

  it "has rdkafka's names where only the producer is loaded" do
    script = 'require "waterdrop"; print Rdkafka::RdkafkaError, Karafka.const_defined?(:App)'
    output, = Open3.capture2e(RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), "-e", script)
    expect(output).to eq("Karafka::Errors::KafkaErrorfalse")
  end

  it "tells error.occurred of each step of a transaction that fails, whatever its subscribers do" do
    seen = []
    { "abortable" => false, "fatal" => true }.each do |kind, fatal|
      made = failing_transactions([kind.to_sym, :state, "no", fatal, false])
      made.monitor.subscribe("error.occurred") do |event|
        seen << [event[:type], event[:error].code, event[:error].abortable?, event[:error].fatal?]
        raise "of a subscriber"
      end
      expect { made.transaction { nil } }.to raise_error(WaterDrop::Errors::TransactionError, /begin of a transaction/)
      made.close
    end
    expect(seen).to eq([["transaction.begin", :state, true, false], ["transaction.begin", :state, false, true]])
    expect(log.string).to include("of a subscriber")
  end

  it "tells error.occurred of what a purge gives up, but not of what a transaction takes back" do
    seen = []
    { {} => true, { "transactional.id": "t" } => false }.each do |kafka, transactional|
      made = producer { |config| config.kafka = kafka }
      purged = Karafka::Errors::KafkaError.new("purged", code: :purge_queue)
      report = WaterDrop::DeliveryReport.new(0, -1, "t", purged, :mine)
      announce = -> { WaterDrop.const_get(:Acknowledgement).announce(made.config, nil, report) }
      expect(announce.call).to be(!transactional)
      %w[message.purged error.occurred].each { |name| made.monitor.subscribe(name) { |event| seen << [name, event[:type], event[:label]] } }
      expect(announce.call).to be(true)
    end
    purged, failed = %w[message.purged error.occurred].map { |name| [name, "librdkafka.dispatch_error", :mine] }
    expect(seen).to eq([purged, failed, purged])
  end

  it "says that it is closed where it was closed within a transaction of another thread" do
    made = producer { |config| config.kafka = { "transactional.id": "t" } }
    allow(made.client).to receive(:transact).and_wrap_original do |original, step, *rest|
      raise Karafka::Errors::ClosedError, "closed" unless step == :begin

      original.call(step, *rest)
    end
    expect { made.transaction { nil } }.to raise_error(WaterDrop::Errors::ProducerClosedError, /while a transaction of it was open/)
  end

  it "gives what was handed over to who hears of a call that failed" do
    made = producer
    seen = []
    made.monitor.subscribe("error.occurred") { |event| seen << event[:dispatched] }
    made.client.create_topic("t", 1)
    allow(made.client).to receive(:produce).and_wrap_original do |original, messages, *rest|
      [:refused, original.call(messages.first(1), *rest), 1, :queue_full, "full", false]
    end
    expect { made.produce_many_async([{ topic: "t", payload: nil, label: :a }, { topic: "t", payload: nil, label: :b }]) }
      .to raise_error(WaterDrop::Errors::ProduceManyError) { |error| expect(error.dispatched.map(&:label)).to eq([:a]) }
    expect(seen.map { |handles| handles.map(&:label) }).to eq([[:a]])
  end

  describe "of 2016" do
    after { WaterDrop.instance_variable_set(:@default_producer, nil) }

    it "takes the settings, and says of those that do nothing that they do" do
      WaterDrop.setup do |config|
        config.logger = Logger.new(log)
        config.send_messages = false
        config.connection_pool.size = 20
        config.connection_pool.timeout = 1
        config.connection_pool_size = 21
        config.connect_timeout = 5
        config.socket_timeout = 6
        config.required_acks = :all
        config.kafka.seed_brokers = ["localhost:9092"]
        config.raise_on_failure = true
      end
      config = WaterDrop.producer.config
      expect([config.deliver, config.raise_on_failure]).to eq([false, true])
      expect(config.native_kafka).to include("acks" => "all", "socket.timeout.ms" => "6000", "socket.connection.setup.timeout.ms" => "5000")
      expect(log.string).to match(/connection_pool.size \(20\) has no effect.*connection_pool.timeout \(1\).*connection_pool.size \(21\)/m)
      expect(WaterDrop::Message.new("topic", "message").send!).to be_delivered
    end

    it "logs what cannot be sent where raise_on_failure is false" do
      [true, false].each do |raises|
        WaterDrop.setup do |config|
          config.logger = Logger.new(log)
          config.client_class = WaterDrop::Clients::Buffered
          config.raise_on_failure = raises
        end
        WaterDrop.producer.client.create_topic("topic", 1)
        message = WaterDrop::Message.new("topic", "message", partition: 5)
        raises ? expect { message.send! }.to(raise_error(WaterDrop::Errors::ProduceError)) : expect(message.send!).to(be(false))
      end
      expect(log.string).to include("raise_on_failure is false")
    end
  end
end
