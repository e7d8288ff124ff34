# frozen_string_literal: true

require "spec_helper"
require "net/http"
require "socket"
require "support/mock_cluster"

RSpec.describe "an embedded server with exporters and a log of JSON lines" do
  include MockCluster

  before do
    broker.create_topic("orders", 1)
    @agent = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
    @lines = []
    @reader = Thread.new { loop { @lines.concat(@agent.recvfrom(65_536).first.lines(chomp: true)) } }
    @reader.report_on_exception = false
  end

  after do
    Karafka::Server.stop
    Karafka::Server.wait(30)
    close_cluster
    @reader.kill.join
    @agent.close
  end

  let(:statsd) { Karafka::Instrumentation::Statsd.new("127.0.0.1", @agent.addr[1]) }
  let(:probes) { Karafka::Instrumentation::Vendors::Kubernetes::LivenessListener.new(hostname: "127.0.0.1", port: 0) }

  def counted(name)
    @lines.dup.sum { |line| line[/\A#{Regexp.escape(name)}:(\d+)\|c/, 1].to_i }
  end

  it "counts each message once at the agent, is alive, and logs objects" do
    application { topic(:orders) { consumer(Class.new(Karafka::BaseConsumer) { def consume = nil }) } }
    Karafka::App.config.logger = Logger.new(log, level: :info, formatter: Karafka::Instrumentation::JsonFormatter.new)
    Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)
    Karafka.monitor.subscribe(Karafka::Instrumentation::Vendors::Datadog::MetricsListener.new { |config| config.client = statsd })
    Karafka.monitor.subscribe(probes)
    Karafka::Server.start
    Karafka.producer.produce_many_sync(Array.new(500) { |number| { topic: "orders", payload: number.to_s } })
    wait_until("all messages at the agent") { counted("karafka.consumer.messages") == 500 }
    wait_until("librdkafka's statistics") { @lines.dup.any? { |line| line.match?(/\Akarafka.consumer.lags:0\|g.*topic:orders/) } }
    expect(Net::HTTP.get_response("127.0.0.1", "/", probes.port).code).to eq("200")
    Karafka::Server.stop
    expect(Karafka::Server.wait(60)).to be(true)
    lines = log.string.lines.map { |line| JSON.parse(line) }
    expect(lines).to all(include("time", "level", "message", "pid"))
    got = lines.select { |line| line["topic"] == "orders" }.sum { |line| line["messages"].to_i }
    expect(got).to eq(500)
    expect(statsd.unsent).to eq(0)
  ensure
    statsd.close
  end
end
