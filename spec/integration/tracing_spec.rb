# frozen_string_literal: true

require "spec_helper"
require "support/collector"
require "support/mock_cluster"

# Spans are read back from what the engine sends to a collector.
RSpec.describe "traces that the engine exports" do
  include MockCluster

  let(:collector) { Collector.new }

  before do
    broker.create_topic("orders", 1)
    broker.create_topic("invoices", 1)
  end

  after do
    Karafka::Server.stop
    Karafka::Server.wait(30)
    close_cluster
    collector.close
    Karafka::App.config.tracing.endpoint = nil
    Karafka::Instrumentation::Tracing.apply
  end

  def tracing(endpoint = collector.endpoint, **settings)
    Karafka::App.config.tracing = { endpoint: endpoint, **settings }
  end

  # Spans that have ended are exported then.
  def spans(target = collector)
    raise "they do not leave" unless Karafka::Instrumentation::Tracing.flush(60_000)

    target.spans
  end

  def take(queue)
    wait_until("a message") { !queue.empty? }
    queue.pop
  end

  it "links what was sent, the batch that consumed it, and what that batch sent", deadline: 240 do
    tracing(service_name: "shop")
    start_orders do
      producer.produce_many_sync(messages.map { |message| { topic: "invoices", payload: message.raw_payload } })
      producer.produce_async(topic: "invoices", payload: "last", headers: { "source" => "a" })
    end
    Karafka.producer.produce_many_sync([{ topic: "orders", payload: "1" }, { topic: "orders", payload: "2" }])
    wait_until("all spans") { spans.size >= 6 }
    first, second = spans.select { |span| span.name == "send orders" }
    batches = spans.select { |span| span.name == "process orders" }
    further = spans.select { |span| span.name == "send invoices" }
    expect([first, second].map(&:kind)).to all(be(:producer))
    expect([first.parent, first.trace_id == second.trace_id]).to eq([nil, false]), "each begins a trace of its own"
    expect(batches.flat_map(&:links)).to match_array([first.context, second.context])
    expect(batches.map { |batch| [batch.kind, batch.parent, batch.status] }.uniq).to eq([[:consumer, nil, nil]])
    expect(further.size).to be >= 3
    expect(further.map(&:parent) - batches.map(&:span_id)).to be_empty
    expect(further.map(&:trace_id) - batches.map(&:trace_id)).to be_empty
    expect(first.attributes).to eq(
      "messaging.system" => "kafka", "messaging.operation.name" => "send", "messaging.operation.type" => "send",
      "messaging.destination.name" => "orders", "messaging.destination.partition.id" => "0", "messaging.kafka.offset" => 0
    )
    expect(batches.first.attributes).to include(
      "messaging.operation.name" => "process", "messaging.destination.name" => "orders", "messaging.consumer.group.name" => "app",
      "messaging.destination.partition.id" => "0", "messaging.kafka.offset" => 0, "karafka.attempt" => 1
    )
    expect(batches.sum { |batch| batch.attributes["messaging.batch.message_count"] }).to eq(2)
    expect(spans).to all(satisfy { |span| span.ended_ns >= span.began_ns })
    expect(batches.first.began_ns).to be >= first.began_ns
    expect(collector.resource).to include("service.name" => "shop", "telemetry.sdk.name" => "karafka-rs")
    expect(collector.requests.map { |request| [request.path, request.headers["content-type"]] }.uniq)
      .to eq([["/v1/traces", "application/x-protobuf"]])
  end

  it "goes on with the trace that a message names, and keeps its other headers" do
    tracing
    seen = Queue.new
    start_orders { messages.each { |message| seen << message.raw_headers } }
    outer = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    Karafka.producer.produce_sync(topic: "orders", payload: "1", headers: { "traceparent" => outer, "a" => "b", "tracestate" => "x=1" })
    headers = take(seen)
    wait_until("both spans") { spans.size >= 2 }
    span = spans.find { |it| it.name == "send orders" }
    expect([span.trace_id, span.parent]).to eq(%w[4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7])
    expect(headers).to eq("traceparent" => "00-#{span.trace_id}-#{span.span_id}-01", "a" => "b", "tracestate" => "x=1")
  end

  it "has why a batch failed, and the dead letter below it, linked with who sent the message", deadline: 240 do
    broker.create_topic("dead", 1)
    tracing
    application do
      topic(:orders) do
        consumer(Class.new(Karafka::BaseConsumer) { def consume = raise(ArgumentError, "cannot read ✗ \xFF") })
        dead_letter_queue topic: "dead", max_retries: 0
      end
    end
    tracing
    Karafka::Server.start
    Karafka.producer.produce_sync(topic: "orders", payload: "1")
    wait_until("the dead letter") { spans.any? { |span| span.name == "send dead" } && spans.any? { |span| span.name == "process orders" } }
    sender, batch, letter = ["send orders", "process orders", "send dead"].map { |name| spans.find { |span| span.name == name } }
    expect([batch.status, batch.error, batch.attributes["error.type"]]).to eq([2, "cannot read ✗ ?", "ArgumentError"])
    expect(batch.events.map(&:first)).to eq(["exception"])
    expect([batch.links, letter.parent, letter.links]).to eq([[sender.context], batch.span_id, [sender.context]])
  end

  it "gives a message a span of its own where the application asks for it" do
    tracing
    start_orders do
      messages.each do |message|
        Karafka.trace(message) { producer.produce_sync(topic: "invoices", payload: message.raw_payload) }
        Karafka.trace(message) { raise ArgumentError, "no" }
      rescue ArgumentError
        next
      end
    end
    Karafka.producer.produce_sync(topic: "orders", payload: "1")
    wait_until("all spans") { spans.count { |span| span.name == "process orders" } >= 3 }
    sender, invoice = ["send orders", "send invoices"].map { |name| spans.find { |span| span.name == name } }
    batch, fine, failed = spans.select { |span| span.name == "process orders" }.sort_by { |span| span.parent ? span.began_ns : 0 }
    expect([fine, failed].map { |span| [span.trace_id, span.parent, span.links] })
      .to all(eq([sender.trace_id, sender.span_id, [batch.context]]))
    expect([fine.status, failed.status, failed.error]).to eq([nil, 2, "no"])
    expect([invoice.trace_id, invoice.parent]).to eq([sender.trace_id, fine.span_id])
  end

  it "exports nothing that is not sampled, but says so in the header" do
    tracing(sample_rate: 0)
    seen = Queue.new
    start_orders { messages.each { |message| seen << message.raw_headers["traceparent"] } }
    Karafka.producer.produce_sync(topic: "orders", payload: "1")
    expect(take(seen)).to match(/\A00-\h{32}-\h{16}-00\z/)
    expect(spans).to be_empty
  end

  it "has the error of a message that was not delivered" do
    tracing
    made = new_producer({ "message.timeout.ms": 300, "allow.auto.create.topics": false })
    expect { made.produce_sync(topic: "nowhere", payload: "1") }.to raise_error(WaterDrop::Errors::ProduceError)
    expect(spans.map { |span| [span.name, span.status, span.attributes["error.type"].to_s.empty?] }).to eq([["send nowhere", 2, false]])
  end

  it "adds nothing to messages and makes no span while it is off" do
    headers = consume_headers
    expect(headers).to eq({})
    expect(Karafka::Instrumentation::Tracing).not_to be_on
    expect(collector.requests).to be_empty
  end

  def consume_headers
    seen = Queue.new
    start_orders do
      messages.each { |message| seen << message.raw_headers }
      Karafka.trace(messages.first) { nil }
    end
    Karafka.producer.produce_sync(topic: "orders", payload: "1")
    take(seen)
  end

  describe "where the collector does not take them" do
    def counts = Karafka::Instrumentation::Tracing.counts

    def since
      before = counts
      yield
      counts.to_h { |name, count| [name, count - before.fetch(name)] }
    end

    def send_some(count)
      made = new_producer
      made.produce_many_sync(Array.new(count) { |number| { topic: "orders", payload: number.to_s } })
    end

    it "tries again what a busy one refuses, and loses nothing" do
      busy = Collector.new(answers: ["503 Busy", "429 Slow Down"])
      tracing(busy.endpoint)
      found = since do
        send_some(3)
        expect(spans(busy).size).to eq(3)
      end
      expect(found).to eq(exported: 3, dropped: 0, failed: 0)
      expect(busy.requests.size).to eq(3)
    ensure
      busy.close
    end

    it "counts what one refuses for good, and what it rejects" do
      # ExportTraceServiceResponse with a partial_success that rejects 2 spans.
      strict = Collector.new(answers: ["400 Bad Request"], body: "\x0A\x02\x08\x02".b)
      tracing(strict.endpoint)
      expect(since { send_some(3) && spans(strict) }).to eq(exported: 0, dropped: 0, failed: 3)
      expect(since { send_some(3) && spans(strict) }).to eq(exported: 1, dropped: 0, failed: 2)
    ensure
      strict.close
    end

    it "drops and counts what finds no room while none is there, and nobody waits" do
      nobody = TCPServer.new("127.0.0.1", 0)
      port = nobody.addr[1]
      nobody.close
      tracing("http://127.0.0.1:#{port}", max_queued_spans: 10, timeout: 200)
      # At most 512 are with the exporter, and 10 wait.
      found = since { send_some(2_000) }
      expect(found[:dropped]).to be >= 1_000
      expect(found[:exported]).to eq(0)
      expect(Karafka::Instrumentation::Tracing.flush(1)).to be(false)
    end
  end

  it "is exported from a forked child as well, with other ids" do
    tracing
    made = new_producer
    made.produce_sync(topic: "orders", payload: "1")
    child = fork do
      made.produce_sync(topic: "orders", payload: "2")
      exit!(Karafka::Instrumentation::Tracing.flush(30_000))
    end
    _, status = Process.wait2(child)
    expect(status).to be_success
    expect(spans.size).to eq(2)
    expect(spans.map(&:trace_id).uniq.size).to eq(2)
  end
end
