# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

# Stands in for the gem opentelemetry-sdk, with the calls that its public documentation names. Contexts are kept as the gem does:
# a stack, from which a token takes the last one.
module FakeOpenTelemetry
  SpanContext = Struct.new(:trace_id, :span_id) do
    def valid? = !trace_id.nil?
  end

  class Span
    attr_reader :name, :kind, :attributes, :links, :parent, :context, :exceptions
    attr_accessor :status, :finished

    def initialize(name, kind: nil, attributes: {}, links: [], parent: nil)
      @name = name
      @kind = kind
      @attributes = attributes
      @links = links
      @parent = parent
      @exceptions = []
      @context = SpanContext.new(parent&.context&.trace_id || SecureRandom.hex(16), SecureRandom.hex(8))
    end

    def record_exception(error) = @exceptions << error
    def finish = @finished = true
  end

  module Context
    class << self
      def stack = @stack ||= []
      def attach(context) = stack.push(context).size
      def detach(token) = (stack.pop if token == stack.size)
    end
  end

  module Trace
    Link = Struct.new(:span_context)
    Status = Struct.new(:code, :description) do
      def self.error(description) = new(:error, description)
    end

    class << self
      def context_with_span(span) = span
      def current_span(context = Context.stack.last) = context || Span.new("invalid").tap { |span| span.context.trace_id = nil }
    end
  end

  class Tracer
    def spans = @spans ||= []

    def start_root_span(name, **options)
      Span.new(name, **options).tap { |span| spans << span }
    end

    def in_span(name, **options)
      span = Span.new(name, parent: Context.stack.last, **options)
      spans << span
      token = Context.attach(span)
      yield span
    ensure
      Context.detach(token)
      span.finish
    end
  end

  class << self
    def reset = @tracer = Tracer.new.tap { Context.stack.clear }
    def tracer_provider = self
    def tracer(*) = @tracer
    def propagation = self

    def inject(carrier)
      context = Trace.current_span.context
      carrier["traceparent"] = "00-#{context.trace_id}-#{context.span_id}-01"
    end

    def extract(headers)
      _, trace, span, = headers["traceparent"].split("-")
      Span.new("remote").tap { |it| (it.context.trace_id = trace) && (it.context.span_id = span) if span }
          .tap { |it| it.context.trace_id = nil unless span }
    end
  end
end

RSpec.describe "Karafka::Instrumentation::Vendors::OpenTelemetry" do
  include OneTopic

  let(:vendor) { Karafka::Instrumentation::Vendors::OpenTelemetry }
  let(:injector) { vendor::Injector.new }
  let(:spans) { FakeOpenTelemetry.tracer.spans }
  let(:consumer_class) do
    seen = (@seen = [])
    injector = self.injector
    klass = Class.new(Karafka::BaseConsumer) do
      define_method(:consume) { seen << injector.call(topic: "invoices", payload: "1") }
    end
    stub_const("OrdersConsumer", klass)
  end
  let(:coordinator) { Karafka::Coordinator.new(route(consumer_class)) }

  before do
    stub_const("OpenTelemetry", FakeOpenTelemetry)
    FakeOpenTelemetry.reset
  end

  def run(lease)
    assignment = coordinator.fetch(lease)
    assignment.public_send(lease.kind, lease)
    assignment.consumer
  end

  it "links what was sent, the batch that consumed it, and what that sent" do
    Karafka.monitor.subscribe(vendor::TracesListener.new)
    sent = [injector.call(topic: "orders", payload: "1"), injector.call(topic: "orders", payload: "2")]
    expect(sent.map { |message| message[:headers]["traceparent"] }).to all(match(/\A00-\h{32}-\h{16}-01\z/))
    run(FakeLease.new(%w[1 2], first_offset: 5, headers: sent.map { |message| message[:headers] }))
    first, second, batch, further = spans
    expect([batch.name, batch.kind, batch.finished]).to eq(["process orders", :consumer, true])
    expect(batch.links.map { |link| link.span_context.span_id }).to eq([first, second].map { |span| span.context.span_id })
    expect(batch.attributes).to include("messaging.system" => "kafka", "messaging.destination.name" => "orders",
                                        "messaging.batch.message_count" => 2, "messaging.kafka.offset" => 5)
    expect([further.name, further.kind, further.parent]).to eq(["send invoices", :producer, batch])
    expect(@seen.first[:headers]["traceparent"]).to include(batch.context.trace_id)
    expect(FakeOpenTelemetry::Context.stack).to be_empty
  end

  it "has the error of a batch that failed, and leaves nothing behind for the next" do
    listener = vendor::TracesListener.new
    consumer = run(FakeLease.new(%w[1]))
    listener.on_consumer_consume({ caller: consumer })
    error = ArgumentError.new("bad")
    listener.on_error_occurred({ type: "consumer.consume.error", error: error })
    listener.on_worker_completed({})
    expect([spans.last.exceptions, spans.last.status.code, spans.last.finished]).to eq([[error], :error, true])
    expect(FakeOpenTelemetry::Context.stack).to be_empty
  end

  it "links each sender once, 128 at most, and passes over what is no context" do
    Karafka.monitor.subscribe(vendor::TracesListener.new)
    run(FakeLease.new(%w[1 2 3], headers: [{ "traceparent" => "00-a-b-01" }, { "traceparent" => "00-a-b-01" }, { "traceparent" => "x" }]))
    expect(spans.first.links.size).to eq(1)
    many = Array.new(300) { |number| { "traceparent" => "00-a-#{number}-01" } }
    run(FakeLease.new(Array.new(300, "1"), headers: many))
    expect(spans.find { |span| span.attributes["messaging.batch.message_count"] == 300 }.links.size).to eq(128)
  end

  it "keeps headers, and a context that a message has" do
    message = injector.call(topic: "orders", payload: "1", headers: { "app" => "shop" })
    expect(message[:headers].keys).to eq(%w[app traceparent])
    own = { topic: "orders", payload: "1", headers: { "traceparent" => "mine" } }
    expect(injector.call(own)).to equal(own)
  end

  it "does nothing until it is subscribed, and says which gem is missing" do
    run(FakeLease.new(%w[1]))
    expect(spans.map(&:name)).to eq(["send invoices"])
    hide_const("OpenTelemetry")
    expect { vendor::TracesListener.new }
      .to raise_error(Karafka::Errors::InvalidConfigurationError, /OpenTelemetry needs the gem opentelemetry-sdk, loaded and set up before/)
  end
end
