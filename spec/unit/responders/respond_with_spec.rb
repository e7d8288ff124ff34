# frozen_string_literal: true

require_relative "../../support/application"
require "support/fake_lease"

RSpec.describe "respond_with" do
  include ApplicationHelpers

  let(:sent) { [] }

  before do
    setup { |config| config.producer { |settings| settings.deliver = false } }
    Karafka.producer.monitor.subscribe("messages.produced_sync") { |event| sent.concat(event[:messages]) }
    stub_const("Shop", Module.new)
  end

  def responder(name)
    stub_const(name, Class.new(Karafka::BaseResponder)).tap do |klass|
      klass.topic :out
      klass.define_method(:respond) { |data, to: nil| respond_to :out, [self.class.name, data, to].compact }
    end
  end

  def consumer(name = "VideosConsumer", &)
    klass = consumer_class(name)
    klass.define_method(:consume, &)
    klass
  end

  # Runs a batch of one message.
  def consume(route)
    Karafka::Assignment.new(route, FakeLease.new(["a,b"], topic: route.name)).consume(FakeLease.new(["a,b"], topic: route.name))
  end

  def payloads
    sent.map { |message| message[:payload] }
  end

  it "uses the responder of the route, given as a class or as a name" do
    klass = responder("OtherResponder")
    [klass, "OtherResponder", :OtherResponder].each_with_index do |given, index|
      consume(topic("t#{index}", klass: consumer { respond_with(1, to: 2) }) { responder given })
    end
    expect(payloads).to eq(['["OtherResponder",1,2]'] * 3)
  end

  it "uses the responder that the consumer's name suggests, in its namespace" do
    %w[VideosResponder Shop::VideosResponder].each { |name| responder(name) }
    consume(topic("a", klass: consumer { respond_with(1) }))
    consume(topic("b", klass: consumer("Shop::VideosConsumer") { respond_with(2) }))
    expect(payloads).to eq(['["VideosResponder",1]', '["Shop::VideosResponder",2]'])
  end

  it "uses that of a controller of 2016" do
    responder("VideosResponder")
    controller = stub_const("VideosController", Class.new(Karafka::BaseController) { def perform = respond_with(params.raw_payload) })
    consume(topic("a", klass: controller))
    expect(payloads).to eq(['["VideosResponder","a,b"]'])
  end

  it "loads a responder that is to be autoloaded, and does not hide an error in its file" do
    Dir.mktmpdir do |dir|
      File.write("#{dir}/fine.rb", "class FineResponder < Karafka::BaseResponder; topic :out; def respond(x) = respond_to(:out, x); end")
      File.write("#{dir}/broken.rb", "class BrokenResponder < NoSuchBase; end")
      { FineResponder: "fine", BrokenResponder: "broken" }.each { |name, file| Object.autoload(name, "#{dir}/#{file}.rb") }
      consume(topic("a", klass: consumer("FineConsumer") { respond_with("x") }))
      expect(payloads).to eq(["x"])
      expect { consume(topic("b", klass: consumer("BrokenConsumer") { respond_with(1) })) }.to raise_error(NameError, /NoSuchBase/)
    ensure
      Object.send(:remove_const, :FineResponder)
      Object.send(:remove_const, :BrokenResponder)
    end
  end

  it "says what to do where there is none, or something else has the name" do
    text = /VideosConsumer calls respond_with, but the topic orders has no responder: set `responder .* or define .*VideosResponder/
    expect { consume(topic(klass: consumer { respond_with(1) })) }.to raise_error(Karafka::Errors::InvalidResponderUsageError, text)
    stub_const("VideosResponder", Class.new)
    expect { consume(app.routes.topics.first) }.to raise_error(Karafka::Errors::InvalidResponderUsageError, text)
    odd = topic("odd", klass: consumer("Shop::Videos") { respond_with(1) })
    expect { consume(odd) }.to raise_error(Karafka::Errors::InvalidResponderUsageError, /the topic odd has no responder: set/)
    anonymous = Class.new(Karafka::BaseConsumer) { def consume = respond_with(1) }
    expect { consume(topic("anonymous", klass: anonymous)) }.to raise_error(Karafka::Errors::InvalidResponderUsageError)
  end

  it "serializes by a parser of 1.x that can generate" do
    parser = Class.new do
      def self.parse(string) = string.split(",")
      def self.generate(data) = data.join(",")
    end
    responder("VideosResponder").define_method(:respond) { |data| respond_to :out, data }
    consume(topic(klass: consumer { respond_with(messages.first.payload) }) { parser parser })
    expect(payloads).to eq(["a,b"])
  end

  it "tells the monitor who responded with what" do
    klass = responder("VideosResponder")
    events = []
    Karafka.monitor.subscribe("consumers.responders.respond_with") { |event| events << event.payload }
    consume(topic(klass: consumer { respond_with(1, to: 2) }))
    expect(events).to match([{ caller: an_instance_of(VideosConsumer), responder: klass, data: [1, { to: 2 }], time: be_a(Float) }])
    expect(payloads.size).to eq(1)
  end

  it "raises what the responder raises, so that the batch comes again" do
    responder("VideosResponder").define_method(:respond) { |_| nil }
    expect { consume(topic(klass: consumer { respond_with(1) })) }.to raise_error(Karafka::Errors::UnusedResponderRequiredTopicError)
  end

  it "uses the consumer's own producer" do
    responder("VideosResponder")
    other = WaterDrop::Producer.new { |config| config.deliver = false }
    allow(other).to receive(:produce_many_sync).and_return([])
    klass = consumer { respond_with(1) }
    klass.define_method(:producer) { other }
    consume(topic(klass: klass))
    expect(other).to have_received(:produce_many_sync).once
    expect(sent).to eq([])
  end

  it "has the route checked before anything runs" do
    consumer = consumer_class
    empty = stub_const("EmptyResponder", Class.new(Karafka::BaseResponder))
    { 5 => /topic orders responder is 5/, Object => /responder is Object.*inherits from Karafka::BaseResponder/,
      empty => /EmptyResponder, which has no method `respond`/ }.each do |given, text|
      app.routes.clear
      expect { topic(klass: consumer) { responder given } }.to be_refused(text)
    end
    app.routes.clear
    topic(klass: consumer) { responder "NoSuchResponder" }
    expect { app.boot! }.to be_refused(/topic orders responder is NoSuchResponder, which cannot be loaded/)
  end
end
