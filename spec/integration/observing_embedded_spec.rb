# frozen_string_literal: true

require "spec_helper"
require "support/http_probe"
require "support/mock_cluster"

RSpec.describe "what an embedded server shows of itself" do
  include MockCluster

  before { broker.create_topic("orders", 1) }

  after do
    Karafka::Server.stop
    Karafka::Server.wait(30)
    close_cluster
    FileUtils.rm_rf(home)
  end

  let(:home) { Dir.mktmpdir }
  let(:socket) { File.join(home, "http.sock") }

  def url = Karafka::Server.observer.url
  def get(...) = HttpProbe.get(...)

  def start
    consumer = Class.new(Karafka::BaseConsumer) { def consume = nil }
    application { topic(:orders) { consumer consumer } }
    Karafka::App.config.http.port = 0
    yield Karafka::App.config.http if block_given?
    Karafka::Server.start
  end

  it "answers at a port and at a socket that only its user may open, and at neither once it has ended" do
    start { |http| http.socket = socket }
    wait_until("readiness") { get(url, "/readyz").status == 200 }
    expect(get(socket, "/livez").json).to eq("ok" => true, "state" => "running", "reasons" => [])
    expect(File.stat(socket).mode.to_s(8)).to end_with("600")
    expect(log.string).to include("Answers HTTP at #{url} and #{socket}")
    at = url
    Karafka::Server.stop
    expect(Karafka::Server.wait(60)).to be(true)
    expect(File.exist?(socket)).to be(false)
    expect { get(at, "/livez") }.to raise_error(Errno::ECONNREFUSED)
  end

  it "leaves the port to nobody in a forked child" do
    start
    at = url
    reader, writer = IO.pipe
    child = fork do
      writer.close
      reader.read
    rescue StandardError
      nil
    ensure
      Process.exit!(0)
    end
    expect(get(at, "/livez").status).to eq(200)
    Karafka::Server.stop
    expect(Karafka::Server.wait(60)).to be(true)
    # The child lives on, and has no part of it.
    expect { get(at, "/livez") }.to raise_error(Errno::ECONNREFUSED)
    expect(Process.wait(child, Process::WNOHANG)).to be_nil
  ensure
    [reader, writer].each(&:close)
    Process.wait(child) if child
  end

  it "starts again with another engine, and its counters go on" do
    counted = -> { HttpProbe.samples(get(url, "/metrics").body)['karafka_consumed_messages_total{group="app",topic="orders"}'] }
    2.times do |round|
      round.zero? ? start : Karafka::Server.start
      before = counted.call || 0
      produce("orders", %w[a b c])
      wait_until("three more") { counted.call == before + 3 }
      Karafka::Server.stop
      expect(Karafka::Server.wait(60)).to be(true)
    end
  end

  it "answers nothing where nobody asked for it, and shows itself in the process all the same" do
    start { |http| http.port = nil }
    expect(url).to be_nil
    expect(Karafka::Server.observer.metrics).to include("karafka_info{")
    expect(JSON.parse(Karafka::Server.observer.state)["process"]).to include("pid" => Process.pid)
  end

  it "asks for names of this machine only, and refuses other methods" do
    start
    expect(get(url, "/livez", "Host" => "evil.example").status).to eq(403)
    expect(Net::HTTP.post(URI("#{url}/livez"), "x").code).to eq("405")
    expect(get(url, "/").json["error"]).to start_with("there are /livez, /readyz")
  end

  it "counts the errors of producers by their type" do
    start
    counted = -> { HttpProbe.samples(get(url, "/metrics").body)['karafka_errors_total{type="message.produce_sync"}'] || 0 }
    before = counted.call
    made = new_producer({ "message.timeout.ms": 100, "bootstrap.servers": "127.0.0.1:1" })
    expect { made.produce_sync(topic: "orders", payload: "x") }.to raise_error(WaterDrop::Errors::ProduceError)
    expect(counted.call).to eq(before + 1)
    failures = HttpProbe.samples(get(url, "/metrics").body)['karafka_produce_failures_total{topic="orders"}']
    expect(failures).to be >= 1
  end

  it "shows metrics of the application, too, and goes on without them where they cannot be had" do
    text = "# TYPE shop_orders_total counter\nshop_orders_total 12"
    asked = []
    start do |http|
      http.registry = lambda do
        asked << 1
        asked.size == 2 ? raise("no database") : text
      end
    end
    answer = get(url, "/metrics", "Accept" => "application/openmetrics-text")
    expect(answer.type).to start_with("text/plain; version=0.0.4")
    expect(answer.body).to include("karafka_info{").and end_with("#{text}\n")
    note = "# The application's metrics are missing: config.http.registry raised RuntimeError.\n"
    expect(get(url, "/metrics").body).to include("karafka_info{").and end_with(note)
    expect(log.string).to include("http.registry.error: RuntimeError: no database")
    expect(get(url, "/metrics").body).to end_with("shop_orders_total 12\n")
  end
end
