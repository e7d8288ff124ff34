# frozen_string_literal: true

require "spec_helper"
require "support/collector"
require "support/mock_cluster"

# Stands in for the gem opentelemetry-api, with the calls that its public documentation names.
module FakeOpenTelemetryApi
  module Trace
    # Whether a trace is sampled.
    TraceFlags = Struct.new(:sampled) do
      def sampled? = sampled
    end
    TraceFlags::SAMPLED = TraceFlags.new(true)
    TraceFlags::DEFAULT = TraceFlags.new(false)

    SpanContext = Struct.new(:trace_id, :span_id, :trace_flags, keyword_init: true) do
      def valid? = !trace_id.nil?
      def hex_trace_id = trace_id.unpack1("H*")
      def hex_span_id = span_id.unpack1("H*")
    end
    Span = Struct.new(:context)

    class << self
      def non_recording_span(context) = Span.new(context)
      def context_with_span(span) = span
      def current_span = Context.stack.last || Span.new(SpanContext.new)
    end
  end

  # A stack for each thread, from which a token takes the last one.
  module Context
    class << self
      def stack = Thread.current[:fake_open_telemetry] ||= []
      def attach(context) = stack.push(context).size

      def detach(token)
        raise "detached out of turn" unless token == stack.size

        stack.pop
      end
    end
  end
end

RSpec.describe "traces of the engine beside the application's OpenTelemetry SDK" do
  include MockCluster

  let(:collector) { Collector.new }

  before do
    %w[orders invoices].each { |topic| broker.create_topic(topic, 1) }
    stub_const("OpenTelemetry", FakeOpenTelemetryApi)
    Karafka::App.config.tracing.endpoint = collector.endpoint
  end

  after do
    Karafka::Server.stop
    Karafka::Server.wait(30)
    close_cluster
    Karafka::App.config.tracing.endpoint = nil
    Karafka::Instrumentation::Tracing.apply
    collector.close
  end

  def spans
    raise "they do not leave" unless Karafka::Instrumentation::Tracing.flush(60_000)

    collector.spans
  end

  def take(queue)
    wait_until("a message") { !queue.empty? }
    queue.pop
  end

  def within_a_span(trace_id, span_id)
    api = FakeOpenTelemetryApi
    context = api::Trace::SpanContext.new(trace_id: [trace_id].pack("H*"), span_id: [span_id].pack("H*"),
                                          trace_flags: api::Trace::TraceFlags::SAMPLED)
    token = api::Context.attach(api::Trace::Span.new(context))
    yield
  ensure
    api::Context.detach(token)
  end

  it "sends from the application's span, and makes a batch the current span of its code" do
    seen = Queue.new
    start_orders do
      seen << OpenTelemetry::Trace.current_span.context
      producer.produce_sync(topic: "invoices", payload: "1")
      Karafka.trace(messages.first) { seen << OpenTelemetry::Trace.current_span.context }
      seen << OpenTelemetry::Trace.current_span.context
    end
    within_a_span("ab" * 16, "cd" * 8) { Karafka.producer.produce_sync(topic: "orders", payload: "1") }
    before, within, after = Array.new(3) { take(seen) }
    wait_until("all spans") { spans.size >= 4 }
    sender, invoice = ["send orders", "send invoices"].map { |name| spans.find { |span| span.name == name } }
    batch, message = spans.select { |span| span.name == "process orders" }.partition { |span| span.parent.nil? }.map(&:first)
    expect([sender.trace_id, sender.parent]).to eq(["ab" * 16, "cd" * 8])
    expect([before, after].map { |context| [context.hex_trace_id, context.hex_span_id] }).to eq([batch.context, batch.context])
    expect([within.hex_trace_id, within.hex_span_id]).to eq(message.context)
    expect(invoice.parent).to eq(batch.span_id)
    expect(FakeOpenTelemetryApi::Context.stack).to be_empty
  end
end
