# frozen_string_literal: true

require "support/fake_lease"
require "support/karafka_names"
require "support/karafka_names_of_1x"
require "support/routes"

RSpec.describe "the names of Karafka" do
  include OneTopic

  let(:unsupported) { Karafka::Errors::UnsupportedFeatureError }

  # One of each.
  def objects
    routes = route(KarafkaNames::Plain)
    lease = FakeLease.new(%w[1])
    assignment = Karafka::Coordinator.new(routes).fetch(lease)
    assignment.consume(lease)
    consumer = assignment.consumer
    plain.merge(runtime, of_routes, of_consumer(consumer))
  end

  def plain = { karafka: Karafka, app: Karafka::App, server: Karafka::Server, embedded: Karafka::Embedded, tags: Karafka::Process.tags }

  def runtime
    {
      monitor: Karafka.monitor, bus: Karafka.monitor.notifications_bus, event: Karafka::Instrumentation::Event.new("a", {}),
      producer: WaterDrop::Producer.new { |config| config.deliver = false }
    }
  end

  def of_routes
    topic = Karafka::App.routes.topics.first
    { routes: Karafka::App.routes, group: topic.consumer_group, topic: topic, subscription_group: topic.subscription_group }
  end

  def of_consumer(consumer)
    message = consumer.messages.first
    {
      consumer: consumer, messages: consumer.messages, message: message, message_metadata: message.metadata,
      batch_metadata: consumer.messages.metadata, errors_tracker: consumer.errors_tracker
    }
  end

  def draw(&)
    Karafka::App.reset!
    Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092" } }
    Karafka::App.routes.draw(&)
  end

  def draw_topic(setting, arguments)
    keywords = arguments.first.is_a?(Hash) ? arguments.first : {}
    positional = keywords.empty? ? arguments : []
    draw do
      topic(:a) do
        consumer KarafkaNames::Plain
        public_send(setting, *positional, **keywords)
      end
    end
  end

  it "are answered by the objects" do
    found = objects
    missing = KarafkaNames::THERE.to_h { |object, names| [object, names.reject { |name| found.fetch(object).respond_to?(name) }] }
    expect(missing.reject { |_, names| names.empty? }).to eq({})
  end

  it "are there as constants" do
    expect((KarafkaNames::CONSTANTS + KarafkaNames::CONSTANTS_OF_1X).reject { |name| Object.const_get(name) || true }).to eq([])
  end

  it "are refused as constants of features that are not there, and not defined" do
    (KarafkaNames::REFUSED_CONSTANTS + Karafka::NotYet::CONSTANTS.keys.map { |name| "Karafka::#{name}" }).each do |name|
      expect { Object.const_get(name) }.to raise_error(unsupported), name
    end
    expect(Karafka::NotYet::CONSTANTS.keys.select { |name| Karafka.const_defined?(name) }).to eq([])
    expect { Karafka::Nonsense }.to raise_error(NameError, /uninitialized constant Karafka::Nonsense/)
  end

  KarafkaNames::TOPIC.each do |setting, arguments|
    it "can be drawn: #{setting} of a topic" do
      expect { draw_topic(setting, arguments) }.not_to raise_error
    end
  end

  KarafkaNames::REFUSED_TOPIC.each do |setting, arguments|
    it "are refused with words: #{setting} of a topic" do
      expect { draw_topic(setting, arguments) }.to raise_error(unsupported, /#{setting}|strategy|sidekiq/)
    end
  end

  KarafkaNames::ROUTES.each { |what, block| it("can be drawn: #{what}") { expect { draw(&block) }.not_to raise_error } }

  KarafkaNames::REFUSED_ROUTES.each do |call, arguments|
    it "are refused with words: #{call} in the routes" do
      expect { draw { public_send(call, *arguments) } }.to raise_error(unsupported, /#{call}/)
    end
  end

  it "are settings" do
    config = Karafka::App.config
    expect(KarafkaNames::CONFIG.reject { |name| config.respond_to?(name) && config.respond_to?(:"#{name}=") }).to eq([])
    KarafkaNames::REFUSED_CONFIG.each { |name| expect { config.public_send(name) }.to raise_error(unsupported, /#{name}/), name.to_s }
    KarafkaNames::GONE_CONFIG.each do |name|
      expect do
        config.public_send(name)
      end.to raise_error(Karafka::Errors::InvalidConfigurationError, /There is no setting `config.#{name}`: ./)
    end
  end

  it "are events that are emitted, or refused with words" do
    known = Karafka::Instrumentation::Events
    expect(KarafkaNames::EVENTS - known::EMITTED.keys - known::NOT_YET).to eq([])
    known::NOT_YET.each { |name| expect { Karafka.monitor.subscribe(name) { nil } }.to raise_error(unsupported), name }
    former = Karafka::Compat::EventNames
    expect(former::MAPPED.keys - former::FORMER.keys).to eq([])
    (former::FORMER.keys - former::MAPPED.keys).each do |name|
      expect { Karafka.monitor.subscribe(name) { nil } }
        .to raise_error(Karafka::Errors::EventNotRegisteredError, /older Karafka.*(today|no such event)/), name
    end
    expect(Karafka::Compat::EventNames::FORMER.values.compact - known::EMITTED.keys).to eq([])
  end

  it "are in the payloads of events" do
    missing = KarafkaNames::PAYLOADS.to_h { |event, keys| [event, keys - Karafka::Instrumentation::Events::EMITTED.fetch(event)] }
    expect(missing.reject { |_, keys| keys.empty? }).to eq({})
  end
end
