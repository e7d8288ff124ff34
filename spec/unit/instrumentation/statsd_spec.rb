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

  # Of as many metrics; a packet has several.
  def received(count, from = agent)
    lines = []
    lines.concat(packet(from).split("\n")) while lines.size < count
    lines
  end

  def packet(from = agent)
    from.wait_readable(Wait::LONG) ? from.recvfrom(65_536).first : raise("nothing came")
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
    # A packet may be here before it is counted there.
    Wait.wait_until("all are counted") { statsd.sent == 7 }
    expect(statsd.unsent).to eq(0)
  end

  it "sends a metric after a moment, together with those that came meanwhile" do
    3.times { |index| statsd.count("n", index) }
    expect(packet).to eq("n:0|c\nn:1|c\nn:2|c")
    Wait.wait_until("its thread has ended") { Thread.list.none? { |thread| thread.name == "karafka.statsd" } }
    statsd.count("n", 3)
    expect(packet).to eq("n:3|c")
  end

  it "sends what is counted in a block at its end, also where it raises" do
    expect(statsd.batch { |it| it.count("first", 1) || :done }).to eq(:done)
    expect { statsd.batch { |it| it.count("second", 1) || raise("on purpose") } }.to raise_error("on purpose")
    expect(statsd.sent).to eq(2)
    expect([packet, packet]).to eq(%w[first:1|c second:1|c])
  end

  it "sends packets that the way takes whole: of this machine 8,192 bytes, else 1,432" do
    lines = Array.new(400) { |index| "lag:#{index}|g|#topic:orders,partition:#{index}" }
    count = proc { 400.times { |index| statsd.gauge("lag", index, tags: ["topic:orders", "partition:#{index}"]) } }
    statsd.batch(&count)
    packets = [packet, packet]
    expect(packets.map(&:bytesize)).to match([be_between(8_100, 8_192), be < 8_192])
    expect(packets.flat_map { |packet| packet.split("\n") }).to eq(lines)
    statsd.instance_variable_set(:@most_bytes, 1_432)
    statsd.batch(&count)
    expect(Array.new(10) { packet.bytesize }).to all(be <= 1_432)
  end

  it "sends a metric that is larger than a packet alone" do
    given = ["before", "x" * 9_000, "behind"]
    statsd.batch { given.each { |name| statsd.count(name, 1) } }
    expect(Array.new(3) { packet }).to eq(given.map { |name| "#{name}:1|c" })
  end

  it "sends what waits when the process ends, and in a child only what the child counted" do
    statsd.count("parent", 1)
    child = fork do
      statsd.flush
      statsd.count("child", 1)
      statsd.flush
      exit!(true)
    end
    Process.wait(child)
    expect(received(2)).to contain_exactly("parent:1|c", "child:1|c")
    expect(agent.wait_readable(0.2)).to be_nil
    script = <<~RUBY
      require "karafka"
      Karafka::Instrumentation::Statsd.new("127.0.0.1", #{port}).count("last", 1)
    RUBY
    expect(system(RbConfig.ruby, "-Ilib", "-e", script)).to be(true)
    expect(packet).to eq("last:1|c")
  end

  describe "a form" do
    metrics = [[:count, "seen|50%"], [:gauge, "lag"], [:timing, "took", 3], [:histogram, "size"], [:distribution, "part", 1]]
    tags = ["topic:orders", "load:90%"]

    it "sends what its metrics would send one by one, in one packet" do
      statsd.form(metrics, tags: tags).report(3, -12, 1.23456, 7, 0.26)
      expect(packet).to eq(
        "seen_50%:3|c|#topic:orders,load:90%\nlag:-12|g|#topic:orders,load:90%\ntook:1.235|ms|#topic:orders,load:90%\n" \
        "size:7|h|#topic:orders,load:90%\npart:0.3|d|#topic:orders,load:90%"
      )
      statsd.form(metrics).report(3, 12, 1, 7, 2)
      expect(packet).to eq("seen_50%:3|c\nlag:12|g\ntook:1.000|ms\nsize:7|h\npart:2.0|d")
      Wait.wait_until("all are counted") { statsd.sent == 10 }
    end

    it "leaves out what has no value" do
      statsd.form(metrics, tags: tags).report(3, nil, 1.5, nil, nil)
      expect(packet).to eq("seen_50%:3|c|#topic:orders,load:90%\ntook:1.5|ms|#topic:orders,load:90%")
    end

    it "is sent in several packets where one has no room for it" do
      statsd.instance_variable_set(:@most_bytes, 100)
      statsd.batch { statsd.form(metrics, tags: tags).report(3, 12, 1, 7, 2) }
      expect(Array.new(3) { packet.lines.size }.sum).to eq(5)
      expect(statsd.sent).to eq(5)
    end

    it "raises nothing and counts what cannot be sent, as one by one" do
      statsd.form(metrics, tags: ["bad:\xff"]).report(3, 12, 1, 7, 2)
      statsd.form(metrics, tags: ["é", "\xC3".b]).report(3, 12, 1, 7, 2)
      expect(statsd.unsent).to eq(10)
      statsd.form([[:count, "endless"], [:count, "seen"]]).report(Float::INFINITY, 3)
      expect(packet).to eq("endless:Infinity|c\nseen:3|c")
    end

    it "puts tags into the names for an agent that knows none" do
      plain = described_class.new("127.0.0.1", port, tags: false)
      plain.form([[:gauge, "lag"], [:histogram, "size"]], tags: ["topic:a.b"]).report(-2, 7)
      expect(received(3)).to eq(["lag.a_b:0|g", "lag.a_b:-2|g", "size.a_b:7|ms"])
    ensure
      plain.close
    end
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
    Array.new(4) { Thread.new { 250.times { statsd.count("n", 1) } } }.each(&:join)
    expect(received(1_000)).to eq(["n:1|c"] * 1_000)
    Wait.wait_until("all are counted") { statsd.sent == 1_000 }
    expect([statsd.sent, statsd.unsent]).to eq([1_000, 0])
  end

  it "waits for nobody where nobody listens, raises nothing, counts what was refused, and says so a few times" do
    agent.close
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    1_000.times { statsd.batch { statsd.gauge("lag", 1) } }
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
      late.batch { late.gauge("lag", 1) }
      expect([late.sent, late.unsent]).to eq([0, 1])
      receiver = Socket.new(:UNIX, :DGRAM).tap { |socket| socket.bind(Addrinfo.unix(path, :DGRAM)) }
      Wait.wait_until("the agent is found") do
        now += 10
        late.batch { late.gauge("lag", 2) }
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
    expect { statsd.batch { statsd.gauge("lag", 1) && statsd.count("n", 1, tags: nil) } }.not_to raise_error
    expect(statsd.unsent).to be_positive
  end

  it "finds the agent as Datadog's own clients do" do
    stub_const("ENV", ENV.to_h.merge("DD_AGENT_HOST" => "localhost", "DD_DOGSTATSD_PORT" => "8199"))
    expect(described_class.new.tap(&:close).address).to eq("localhost:8199")
    expect { described_class.new("127.0.0.1", "x") }.to raise_error(Karafka::Errors::InvalidConfigurationError, /StatsD is "x", but/)
  end
end
