# frozen_string_literal: true

require "waterdrop"

RSpec.describe WaterDrop::Config do
  def producer(kafka = {}, &)
    WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1" }.merge(kafka)
      yield config if block_given?
    end
  end

  it "names the setting, its value and what is allowed" do
    [0, 10**30].each do |size|
      expect { producer { |config| config.max_payload_size = size } }
        .to raise_error(WaterDrop::Errors::ConfigurationInvalidError,
                        "max_payload_size is #{size}, but must be an Integer above 0 (bytes), at most 2**62.")
    end
  end

  it "refuses times that nothing can wait for" do
    [Float::INFINITY, Float::NAN, 2**70, 1i, -1].each do |value|
      %i[max_wait_timeout wait_timeout_on_queue_full idle_disconnect_timeout buffer_max_time].each do |name|
        expect { producer { |config| config.public_send(:"#{name}=", value) } }
          .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /#{name} is .* milliseconds/)
      end
      expect { producer { |config| config.deliver = false }.with(max_wait_timeout: value) }
        .to raise_error(WaterDrop::Errors::VariantInvalidError, /max_wait_timeout/)
    end
  end

  it "refuses such times where a single call says how long it would wait, and sends nothing" do
    made = WaterDrop::Producer.new { |config| config.client_class = WaterDrop::Clients::Buffered }
    handle = made.produce_async(topic: "t", payload: nil)
    made.buffer(topic: "t", payload: nil)
    [Float::INFINITY, -Float::INFINITY, Float::NAN, 2**70, 1i, -2, "5"].each do |value|
      [-> { handle.wait(max_wait_timeout_ms: value) }, -> { made.produce_sync({ topic: "t", payload: nil }, value) },
       -> { made.produce_many_sync([{ topic: "t" }], value) }, -> { made.tombstone_sync({ topic: "t", key: "k" }, value) },
       -> { made.flush_sync(value) }].each do |call|
        expect(&call).to raise_error(ArgumentError, /max_wait_timeout_ms is .*, but must be a number of milliseconds/)
      end
    end
    expect([made.client.messages.size, made.messages.size]).to eq([1, 1])
    [nil, 0, -1, 0.5, 10r].each { |value| expect(handle.wait(max_wait_timeout_ms: value)).to be_delivered }
  end

  it "refuses a transactional.id that is no name" do
    ["", " ", nil].each do |id|
      expect { producer("transactional.id": id) }
        .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /transactional.id is .*, but must be a name/)
    end
  end

  it "renews no client after fencing, unless :fenced is taken out of non_reloadable_errors" do
    [[%i[fenced], false], [[], true]].each do |except, renews|
      config = producer { |it| it.non_reloadable_errors = except }.config
      kinds = { fenced: renews, timed_out: true, fatal: true, stuck: true, abortable: true }
      kinds.each { |kind, renewed| expect(config.renew_after?(WaterDrop::Errors::TransactionError.new("m", kind: kind))).to be(renewed) }
    end
  end

  it "refuses an unknown setting and names the nearest" do
    expect { producer { |config| config.max_payload_sise = 1 } }
      .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /Unknown setting `max_payload_sise`.*`max_payload_size`/)
  end

  it "refuses what librdkafka makes no producer of, before anything starts" do
    [{ "enable.idempotence": true, acks: 1 }, { "transactional.id": "t", "enable.idempotence": false },
     { "security.protocol": "sasl_plaintext", "sasl.mechanism": "SCRAM-SHA256", "sasl.username": "u", "sasl.password": "p" },
     { "security.protocol": "ssl", "ssl.ca.pem": "-----BEGIN CERTIFICATE-----\\nAA" },
     { "security.protocol": "ssl", "ssl.ca.location": "/no/such/file" }, { "security.protocol": "sasl_ssl" },
     { "request.required.acks": 1, acks: "all" }, { "message.timeout.ms": "30s" }].each do |kafka|
      expect { producer(kafka) }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError) { |error|
                                      expect(error.message).to include("config.kafka")
                                    }
    end
    made = WaterDrop::Producer.new { |config| [config.deliver = false, config.kafka = { "ssl.ca.location": "/no/such/file" }] }
    expect(made.status).to be_configured
  end

  it "takes settings that have no effect, and says so" do
    log = StringIO.new
    made = producer do |config|
      config.logger = Logger.new(log)
      config.polling.mode = :fd
      config.polling { |polling| polling.fd.max_time = 100 }
      config.statistics_decorator = Object.new
    end
    expect(log.string).to include("polling.mode (:fd) has no effect here: ", "polling.fd.max_time (100)", "statistics_decorator (Object)")
    expect(made.config.statistics_decorator).to be_nil
    expect { producer { |config| config.poling.mode = :fd } }.to raise_error(NoMethodError)
  end

  it "asks librdkafka about its settings before anything starts" do
    expect { producer(acks: "many") }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /acks/)
    expect { producer("no.such": 1) }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /no\.such/)
    expect { producer("delivery.report.only.error": true) }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /without a report/)
  end

  it "refuses what is no Hash of settings, and old names with a wrong value, with an error of the producer" do
    ["sasl.password=hunter2", nil, [1], { 1 => 2 }].each do |kafka|
      expect { WaterDrop::Producer.new { |config| config.kafka = kafka } }
        .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /\A(?!.*hunter2).*config\.kafka/)
    end
    [proc { |config| config.kafka = { connect_timeout: 30_000 } }, proc { |config| config.kafka.connect_timeout = 30_000 }].each do |setup|
      expect { WaterDrop::Producer.new(&setup) }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /in seconds/)
      expect { WaterDrop::ConnectionPool.new(size: 1, &setup).with { nil } }.to raise_error(WaterDrop::Errors::ConfigurationInvalidError)
    end
  end

  it "needs to know where Kafka is, unless nothing is delivered" do
    expect { WaterDrop::Producer.new { |config| config.id = "x" } }
      .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /bootstrap.servers/)
    expect(WaterDrop::Producer.new { |config| config.deliver = false }.status).to be_configured
  end

  it "takes the names of 1.x under kafka" do
    servers = ["kafka://one:9092", "kafka://two:9092"]
    made = WaterDrop::Producer.new { |config| config.kafka = { seed_brokers: servers } }
    expect(made.config.native_kafka["bootstrap.servers"]).to eq("one:9092,two:9092")
  end

  it "says that nothing waits in steps" do
    log = StringIO.new
    producer do |config|
      config.logger = Logger.new(log)
      config.wait_backoff_on_queue_full = 100
    end
    expect(log.string).to include("wait_backoff_on_queue_full (100) has no effect")
  end

  it "can be set up once" do
    made = WaterDrop::Producer.new
    expect { made.produce_async(topic: "t", payload: nil) }.to raise_error(WaterDrop::Errors::ProducerNotConfiguredError)
    made.setup { |config| config.deliver = false }
    expect { made.setup { |config| config.deliver = false } }.to raise_error(WaterDrop::Errors::ProducerAlreadyConfiguredError)
  end

  it "starts no thread before the first message" do
    before = OsThreads.all
    made = producer
    expect(OsThreads.all.except(*before.keys)).to eq({})
    expect(made.close).to eq(0)
    expect(made.status.to_s).to eq("closed")
  end

  it "does not show its settings, and is short where a NoMethodError prints it" do
    made = producer("sasl.password": "hush")
    [made, made.config, made.client].each { |object| expect(object.inspect).to match(/\A#<WaterDrop::.{1,80}>\z/) }
  end

  it "names what bootstrap.servers was misspelt as" do
    expect { WaterDrop::Producer.new { |config| config.kafka = { bootstrap_servers: "a:1" } } }
      .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /no "bootstrap.servers", but "bootstrap_servers"/)
  end
end
