# frozen_string_literal: true

require "support/wait"
require "net/http"

RSpec.describe Karafka::Instrumentation::Vendors::Kubernetes do
  let(:clock) { -> { @now } }

  before { @now = 0 }

  def probe(path = "/any/path")
    answer = Net::HTTP.start("127.0.0.1", listener.port, open_timeout: 10, read_timeout: 10) { |http| http.get(path) }
    [answer.code.to_i, JSON.parse(answer.body)]
  end

  describe described_class::LivenessListener do
    let(:listener) { described_class.new(hostname: "127.0.0.1", port: 0, consuming_ttl: 100, polling_ttl: 200, clock: clock) }

    before { Karafka.monitor.subscribe(listener) }

    after { listener.on_app_stopped(nil) }

    def started
      Karafka.monitor.instrument("app.running")
      Karafka.monitor.instrument("connection.listener.fetch_loop", subscription_group_id: "app_0")
    end

    it "answers 200 to any path while clients are polled and consumers return" do
      started
      Karafka.monitor.instrument("consumer.consume", caller: nil)
      @now = 90
      status, body = probe
      expect(status).to eq(200)
      expect(body).to include("status" => "healthy", "port" => listener.port, "process_id" => Process.pid)
      expect(body["errors"]).to eq("polling_ttl_exceeded" => false, "consumption_ttl_exceeded" => false, "unrecoverable" => false)
    end

    it "answers 500 while a call takes too long, and 200 once it has returned or raised" do
      started
      Karafka.monitor.instrument("consumer.consume", caller: nil)
      @now = 101
      expect(probe).to match([500, include("status" => "unhealthy", "errors" => include("consumption_ttl_exceeded" => true))])
      Karafka::Instrumentation::Safely.error(ArgumentError.new("bad"), "consumer.consume.error")
      expect(probe.first).to eq(200)
    end

    it "answers 500 when one client of several is not polled any more, but not for one that has ended" do
      started
      @now = 201
      Karafka.monitor.instrument("connection.listener.fetch_loop", subscription_group_id: "app_1")
      expect(probe).to match([500, include("errors" => include("polling_ttl_exceeded" => true))])
      group = Struct.new(:id).new("app_0")
      Karafka.monitor.instrument("connection.listener.stopped", subscription_group: group)
      expect(probe.first).to eq(200)
    end

    it "answers 500 after an error that no client comes back from" do
      started
      Karafka::Instrumentation::Safely.error(Karafka::Errors::KafkaError.new("fenced", fatal: true), "librdkafka.error")
      expect(probe).to match([500, include("errors" => include("unrecoverable" => true))])
    end

    it "does not count the call of a thread that was killed" do
      started
      Thread.new { Karafka.monitor.instrument("consumer.consume", caller: nil) }.join
      @now = 150
      expect(probe.first).to eq(200)
    end

    it "lets silent connections keep nobody out, and listens no more after the stop" do
      started
      silent = Array.new(20) { TCPSocket.new("127.0.0.1", listener.port) }
      expect(probe.first).to eq(200)
      port = listener.port
      Karafka.monitor.instrument("app.stopped")
      expect { TCPSocket.new("127.0.0.1", port) }.to raise_error(Errno::ECONNREFUSED)
    ensure
      silent&.each(&:close)
    end

    it "says which port is taken" do
      started
      second = described_class.new(hostname: "127.0.0.1", port: listener.port)
      expect { second.on_app_running(nil) }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /cannot listen at 127.0.0.1, port #{listener.port}: .*in use/)
    end
  end

  describe described_class::SwarmLivenessListener do
    let(:listener) { described_class.new(hostname: "127.0.0.1", port: 0, controlling_ttl: 100, clock: clock) }

    before { Karafka.monitor.subscribe(listener) }

    after { listener.on_app_stopped(nil) }

    it "answers in the supervisor while that looks at its nodes" do
      Karafka.monitor.instrument("app.supervising")
      expect(probe.first).to eq(200)
      @now = 101
      expect(probe).to match([500, include("errors" => { "controlling_ttl_exceeded" => true })])
      Karafka.monitor.instrument("swarm.manager.control")
      expect(probe.first).to eq(200)
    end

    it "is closed in the nodes, so that none holds the port of a supervisor that has gone" do
      Karafka.monitor.instrument("app.supervising")
      port = listener.port
      go, gone = IO.pipe
      node = fork do
        gone.close
        Karafka.monitor.instrument("swarm.node.after_fork", node: nil)
        go.read
        exit!(0)
      end
      go.close
      listener.on_app_stopped(nil)
      Wait.wait_until("the port is free") do
        TCPServer.new("127.0.0.1", port).close
        true
      rescue Errno::EADDRINUSE
        false
      end
    ensure
      gone&.close
      Process.wait(node) if node
    end
  end
end
