# frozen_string_literal: true

require "socket"
require "tmpdir"
require "support/wait"

RSpec.describe Karafka::Instrumentation::Statsd do
  subject(:statsd) { described_class.new("127.0.0.1", port) }

  # A real receiver: the packets cross the loopback device.
  let!(:agent) { UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) } }
  let!(:port) { agent.addr[1] }
  let(:log) { StringIO.new }

  before { Karafka::App.config.logger = Logger.new(log) }

  after { agent.close unless agent.closed? }

  def received(count, from = agent)
    Array.new(count) { from.wait_readable(Wait::LONG) ? from.recvfrom(65_536).first : raise("nothing came") }
  end

  it "sends each kind of metric as DogStatsD reads it" do
    statsd.count("messages", 3, tags: ["topic:orders", "env:a,b|c"])
    statsd.increment("calls")
    statsd.decrement("calls", by: 2)
    statsd.gauge("lag", 12)
    statsd.timing("took", 1.23456)
    statsd.histogram("size", 7, tags: ["topic:orders"])
    statsd.distribution("size", 8)
    expect(received(7)).to eq(
      ["messages:3|c|#topic:orders,env:a_b_c", "calls:1|c", "calls:-2|c", "lag:12|g", "took:1.235|ms", "size:7|h|#topic:orders", "size:8|d"]
    )
    expect([statsd.sent, statsd.unsent]).to eq([7, 0])
  end

  it "sends what is counted in a block together, in packets that an Ethernet takes whole" do
    result = statsd.batch do
      statsd.batch { statsd.count("first", 1) }
      Thread.new { statsd.count("of another thread", 1) }.join
      100.times { |index| statsd.gauge("lag", index, tags: ["topic:orders", "partition:#{index}"]) }
      :done
    end
    expect(result).to eq(:done)
    other, *packets = received(4)
    expect(other).to eq("of another thread:1|c")
    expect(packets.map(&:bytesize)).to all(be <= 1_432)
    expect(packets.flat_map { |packet| packet.split("\n") })
      .to eq(["first:1|c"] + Array.new(100) { |index| "lag:#{index}|g|#topic:orders,partition:#{index}" })
    expect([statsd.sent, statsd.unsent]).to eq([102, 0])
    statsd.count("after", 1)
    expect(received(1)).to eq(["after:1|c"])
  end

  it "sends what was counted before a block raised, and a metric that is larger than a packet alone" do
    long = "x" * 2_000
    given = ["before", long, "behind"]
    expect { statsd.batch { given.each { |name| statsd.count(name, 1) } && raise("on purpose") } }.to raise_error("on purpose")
    expect(received(3)).to eq(given.map { |name| "#{name}:1|c" })
  end

  it "puts tags into the name for an agent that knows none" do
    plain = described_class.new("127.0.0.1", port, tags: false)
    plain.gauge("lag", -2, tags: ["topic:a.b", "partition:0"])
    plain.histogram("size", 7)
    expect(received(3)).to eq(["lag.a_b.0:0|g", "lag.a_b.0:-2|g", "size:7|ms"])
  ensure
    plain.close
  end

  # Few enough for the receiver's buffer: UDP drops what does not fit.
  it "loses nothing of what several threads send" do
    counted = Thread.new { received(100).sum { |packet| packet[/\An:(\d+)\|c\z/, 1].to_i } }
    Array.new(4) { Thread.new { 25.times { statsd.count("n", 1) } } }.each(&:join)
    expect(counted.value).to eq(100)
    expect([statsd.sent, statsd.unsent]).to eq([100, 0])
  end

  it "waits for nobody where nobody listens, raises nothing, counts what was refused, and says so a few times" do
    agent.close
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    1_000.times { statsd.gauge("lag", 1) }
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).to be < 5
    expect(statsd.sent + statsd.unsent).to eq(1_000)
    expect(statsd.unsent).to be > 900
    expect(log.string.lines.grep(/StatsD at 127.0.0.1:#{port} does not take metrics: Connection refused/).size).to eq(1)
  end

  it "begins without the agent's socket, and sends once it exists" do
    Dir.mktmpdir do |directory|
      path = File.join(directory, "dsd.sock")
      now = 0
      late = described_class.new(socket_path: path, clock: -> { now })
      late.gauge("lag", 1)
      expect([late.sent, late.unsent]).to eq([0, 1])
      receiver = Socket.new(:UNIX, :DGRAM).tap { |socket| socket.bind(Addrinfo.unix(path, :DGRAM)) }
      Wait.wait_until("the agent is found") do
        now += 10
        late.gauge("lag", 2)
        late.sent.positive?
      end
      expect(received(1, receiver)).to eq(["lag:2|g"])
    ensure
      late&.close
      receiver&.close
    end
  end

  it "raises nothing for values that are none, and after its end" do
    statsd.close
    expect { statsd.gauge("lag", 1) && statsd.count("n", 1, tags: nil) }.not_to raise_error
    expect(statsd.unsent).to be_positive
  end

  it "finds the agent as Datadog's own clients do" do
    stub_const("ENV", ENV.to_h.merge("DD_AGENT_HOST" => "localhost", "DD_DOGSTATSD_PORT" => "8199"))
    expect(described_class.new.tap(&:close).address).to eq("localhost:8199")
    expect { described_class.new("127.0.0.1", "x") }.to raise_error(Karafka::Errors::InvalidConfigurationError, /StatsD is "x", but/)
  end
end
