# frozen_string_literal: true

require "spec_helper"
require "socket"
require "support/mock_cluster"

# Counted by a real receiver of UDP, or of a Unix socket.
RSpec.describe "metrics that the engine sends to an agent" do
  include MockCluster

  before do
    broker.create_topic("orders", 1)
    @packets = []
  end

  after do
    Karafka::Server.stop
    Karafka::Server.wait(30)
    close_cluster
    @reader&.kill&.join
    @agent&.close
  end

  def listen(agent)
    @agent = agent
    @reader = Thread.new { loop { @packets << agent.recv(65_536) } }
    @reader.report_on_exception = false
  end

  def lines = @packets.dup.flat_map { |packet| packet.lines(chomp: true) }

  # Other examples of this process have other groups.
  def counted(name)
    lines.sum { |line| line[/\A#{Regexp.escape(name)}:([\d.]+)\|c\|#env:test,group:statsd,/, 1].to_f }
  end

  def consume(count, **statsd)
    Karafka::App.config.group_id = "statsd"
    Karafka::App.config.statsd = { interval: 100, tags: ["env:test"], **statsd }
    start_orders { nil }
    Karafka.producer.produce_many_sync(Array.new(count) { |number| { topic: "orders", payload: number.to_s } })
  end

  it "are those of the catalogue, and counters come to the truth" do
    listen(UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) })
    consume(500, host: "127.0.0.1", port: @agent.addr[1])
    wait_until("all messages at the agent") { counted("karafka.consumed_messages") >= 500 }
    wait_until("the lag") { lines.include?("karafka.topic_lag_messages:0|g|#env:test,group:statsd,topic:orders") }
    wait_until("a histogram") { lines.any? { |line| line.start_with?("karafka.processing_seconds.p95:") } }
    Karafka::Server.stop
    expect(Karafka::Server.wait(60)).to be(true)
    expect(counted("karafka.consumed_messages")).to eq(500)
    expect(counted("karafka.batch_messages.count")).to be_between(1, 500)
    expect(lines).to all(match(/\Akarafka\.[a-z_]+(\.(count|avg|p50|p95|p99))?:-?[\d.]+\|[cg]\|#env:test(,\w+:[^|,]*)*\z/))
    expect(@packets.map(&:bytesize).max).to be <= 1_432
  end

  it "reach a Unix socket without tags, and nobody waits where no agent listens" do
    Dir.mktmpdir do |directory|
      path = File.join(directory, "agent.sock")
      listen(Socket.new(:UNIX, :DGRAM).tap { |socket| socket.bind(Addrinfo.unix(path)) })
      consume(3, socket: path, tagged: false, prefix: "shop")
      wait_until("the messages") { lines.any? { |line| line.match?(/\Ashop\.consumed_messages\.test\.statsd\.orders:\d+\|c\z/) } }
      @reader.kill.join
      @agent.close
      wait_until("a line of the log") { log.string.include?("the agent of config.statsd at #{path} does not take metrics") }
      Karafka::Server.stop
      expect(Karafka::Server.wait(60)).to be(true)
    end
  end
end
