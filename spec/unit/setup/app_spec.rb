# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::App do
  include ApplicationHelpers

  it "is the same application as a class of its own" do
    klass = Class.new(described_class)
    klass.setup { |config| config.kafka = { "bootstrap.servers": "a:1" } }
    klass.routes.draw { topic(:x) { active false } }
    expect(klass.config).to be(described_class.config)
    expect(described_class.routes.topics.map(&:name)).to eq(["x"])
    expect(klass.consumer_groups).to be(described_class.routes)
    klass.boot!
    expect(described_class).to be_initialized
  end

  it "can be set up in several steps" do
    setup { |config| config.client_id = "one" }
    described_class.setup { |config| config.concurrency = 2 }
    expect(described_class.config.to_h).to include(client_id: "one", concurrency: 2)
  end

  it "is initialized once it is set up, as gems for tests ask, and still boots" do
    seen = []
    expect([described_class.initialized?, described_class.status]).to eq([false, :initializing])
    setup
    expect([described_class.initialized?, described_class.status]).to eq([true, :initialized])
    described_class.after_init { seen << :after_init }
    described_class.boot!
    expect(seen).to eq([:after_init])
  end

  it "is not initialized by settings that are refused" do
    expect { setup { |config| config.pause.timeout = 100_000 } }.to be_refused(/pause/)
    expect(described_class).not_to be_initialized
  end

  it "boots once, and tells after_init and the monitor" do
    seen = []
    setup
    described_class.monitor.subscribe("app.initialized") { seen << :event }
    described_class.after_init { |config| seen << config.client_id }
    2.times { described_class.boot! }
    described_class.after_init { seen << :late }
    expect(seen).to eq(["karafka", :event, :late])
  end

  it "checks everything when it boots, also consumers that were given by name" do
    setup
    described_class.routes.draw { topic(:x) { consumer "NotThereConsumer" } }
    expect { described_class.boot! }.to be_refused(/topic x consumer is NotThereConsumer, which cannot be loaded/)
    consumer_class("NotThereConsumer")
    described_class.boot!
    expect(described_class.routes.topics.first.consumer).to be(NotThereConsumer)
  end

  it "reaches a producer that is there already with debug!" do
    described_class.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092" } }
    config = described_class.producer.config
    config.logger = Logger.new(File::NULL, level: Logger::WARN)
    described_class.debug!("cgrp")
    expect([config.kafka[:debug], config.logger.level]).to eq(["cgrp", Logger::DEBUG])
    # The Dummy connects to nothing, so that the next one comes too late.
    described_class.config.producer = WaterDrop::Producer.new { |it| it.deliver = false }
    described_class.producer.produce_sync(topic: "t", payload: nil)
    expect(described_class.producer.debug!).to be(false)
  end

  it "names what it does as statuses, and warms up" do
    seen = []
    %w[before after].each { |moment| Karafka.monitor.subscribe("app.#{moment}_warmup") { |event| seen << event.id } }
    described_class.warmup
    expect(seen).to eq(%w[app.before_warmup app.after_warmup])
    %i[run! stop! quiet!].zip(%i[run stop quiet]) do |name, called|
      allow(Karafka::Server).to receive(called).and_return(:called)
      expect(described_class.public_send(name)).to eq(:called)
    end
  end

  it "says everything after debug!" do
    setup
    described_class.debug!
    expect(described_class.config.kafka[:debug]).to eq("all")
    expect(described_class.logger.level).to eq(Logger::DEBUG)
  end

  it "gives the status of the server of this process" do
    setup
    allow(Karafka::Server).to receive(:status).and_return(:stopping)
    expect([described_class.stopping?, described_class.running?, described_class.done?]).to eq([true, false, true])
  end

  it "has its parts under Karafka too" do
    setup
    expect([Karafka.logger, Karafka.monitor]).to eq([described_class.logger, described_class.monitor])
    expect(Karafka.root).to be_a(Pathname)
    expect(Karafka.gem_root.join("lib/karafka.rb")).to exist
    expect(Karafka.version).to eq(Karafka::VERSION)
  end

  it "wants a block" do
    expect { described_class.setup }.to raise_error(ArgumentError, /block/)
    expect { described_class.routes.draw }.to raise_error(ArgumentError, /block/)
  end

  describe "its producer" do
    # What WaterDrop::Producer takes, without a client.
    let(:producer_class) do
      Class.new do
        attr_reader :config

        def initialize
          @config = Struct.new(:kafka, :logger, :id).new
          yield @config
        end

        def produce_async(*) = nil
        def close = nil
      end
    end

    before { stub_const("WaterDrop::Producer", producer_class) }

    it "is built on first use, with the producer's settings alone" do
      config = setup("linger.ms": 5, "session.timeout.ms": 10_000)
      expect(config.producer?).to be(false)
      producer = described_class.producer
      expect(producer).to be(Karafka.producer)
      expect(producer.config.kafka).to eq("bootstrap.servers": "127.0.0.1:9092", "linger.ms": 5, "client.id": "karafka")
      expect(producer.config.logger).to be(config.logger)
    end

    it "is customised by a block" do
      setup { |config| config.producer { |producer| producer.id = "mine" } }
      expect(described_class.producer.config.id).to eq("mine")
    end

    it "can be given" do
      own = producer_class.new { |config| config.id = 1 }
      setup { |config| config.producer = own }
      expect(Karafka.producer).to be(own)
    end

    it "is none before the application is set up" do
      expect([Karafka.producer, described_class.producer]).to eq([nil, nil])
    end

    it "is built by the block that comes after one that was given, and given after the block that came before" do
      given = producer_class.new { |config| config.id = 1 }
      setup { |config| [config.producer = given, config.producer { |producer| producer.id = "mine" }] }
      expect(Karafka.producer.config.id).to eq("mine")
      setup { |config| [config.producer { |producer| producer.id = "mine" }, config.producer = given] }
      expect(Karafka.producer).to be(given)
    end
  end

  describe ".producer after a second setup" do
    let(:log) { StringIO.new }

    def setup_again(...) = setup(...).tap { |config| config.logger = Logger.new(log) }

    it "is built again with the later settings while it is unused" do
      setup_again("linger.ms": 5)
      first = Karafka.producer
      setup("linger.ms": 6)
      expect(Karafka.producer.config.kafka[:"linger.ms"]).to eq(6)
      expect(first.config.kafka[:"linger.ms"]).to eq(5)
      setup("linger.ms": 6)
      same = Karafka.producer
      setup("linger.ms": 6)
      expect(Karafka.producer).to be(same)
      app.debug!("broker")
      expect(Karafka.producer.config.kafka[:debug]).to eq("broker")
    end

    it "keeps the earlier ones where it is in use, and says so once" do
      setup { |config| [config.logger = Logger.new(log), config.producer { |it| it.client_class = WaterDrop::Clients::Buffered }] }
      used = Karafka.producer
      used.produce_async(topic: "t", payload: "p")
      2.times { setup("linger.ms": 6) }
      expect(Karafka.producer).to be(used)
      expect(log.string.scan("Karafka.producer is in use and keeps the settings").size).to eq(1)
      used.close
    end

    it "is left alone where it was given" do
      given = WaterDrop::Producer.new { |config| config.deliver = false }
      setup { |config| config.producer = given }
      setup("linger.ms": 6)
      expect(Karafka.producer).to be(given)
    end
  end

  describe ".producer" do
    it "is built once, however many threads ask" do
      setup
      expect(Array.new(8) { Thread.new { described_class.producer } }.map(&:value).uniq.size).to eq(1)
    end
  end

  describe Karafka::Env do
    around do |example|
      before = ENV.to_h
      example.run
    ensure
      ENV.replace(before)
    end

    it "comes from KARAFKA_ENV, RACK_ENV, RAILS_ENV, in that order" do
      described_class::VARIABLES.each { |name| ENV.delete(name) }
      seen = [described_class.new]
      %w[RAILS_ENV RACK_ENV KARAFKA_ENV].each do |name|
        ENV[name] = name.downcase
        seen << described_class.new
      end
      expect(seen).to eq(%w[development rails_env rack_env karafka_env])
    end

    it "answers with a predicate" do
      expect([described_class.new("production").production?, described_class.new("production").test?]).to eq([true, false])
      expect { described_class.new("x").nothing }.to raise_error(NoMethodError)
    end
  end
end
