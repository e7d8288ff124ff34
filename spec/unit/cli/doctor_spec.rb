# frozen_string_literal: true

require "socket"
require "stringio"

RSpec.describe Karafka::Cli::DoctorCommand do
  # A check that does that.
  def check(title, &)
    Class.new(Karafka::Cli::Doctor::Check) do
      define_singleton_method(:title) { title }
      define_method(:call, &)
    end
  end

  # @return [Array(Integer, String)] exit status and output
  def run(*checks, **options)
    stub_const("#{described_class}::CHECKS", checks)
    out = StringIO.new
    [described_class.new(options, terminal: Karafka::Cli::Terminal.new(out: out), admin: Object.new).call, out.string]
  end

  it "prints the worst first, each with its next step, and ends with 2 where something is to be done" do
    status, text = run(check("a") { note("x", "is so") }, check("b") { warning("y", "is odd", "mend it") }, check("c") do
                                                                                                              error("z", "fails", "do")
                                                                                                            end)
    expect(status).to eq(2)
    expect(text).to eq(<<~TEXT)
      error    c: z: fails
               -> do
      warning  b: y: is odd
               -> mend it
      note     a: x: is so
      1 error, 1 warning
    TEXT
  end

  it "ends with 0 where there is nothing to do, and with 1 where it could not look" do
    well = check("a") { note("x", "is so") }
    expect(run(well).first).to eq(0)
    denied = check("b") { raise Karafka::Errors::KafkaError.new("reading settings: no", code: :cluster_authorization_failed) }
    status, text = run(denied, well)
    expect(status).to eq(1)
    expect(text).to match(/note +a: x.*^not checked: b: reading settings: no: the user .* needs the right.*1 of 2 checks could not/m)
  end

  it "ends a check that takes too long, keeps what it has found, and goes on" do
    endless = check("a") { error("x", "fails", "do") && sleep }
    status, text = run(endless, check("b") { note("y", "is so") }, timeout: 1)
    expect(status).to eq(2)
    expect(text).to match(/error +a: x.*note +b: y.*not checked: a: it took longer than 3 s/m)
  end

  it "gives programs all of it" do
    status, text = run(check("a") { warning("x", "is odd", "mend it") }, check("b") { raise "no" }, json: true)
    expect(JSON.parse(text)).to eq(
      "status" => status, "checks" => [{ "check" => "a", "failure" => nil }, { "check" => "b", "failure" => "no" }],
      "findings" => [{ "severity" => "warning", "check" => "a", "subject" => "x", "cause" => "is odd", "next_step" => "mend it" }]
    )
  end

  it "refuses a time of nothing" do
    expect { run(check("a") { nil }, timeout: 0) }.to raise_error(Karafka::Errors::CommandError, /--timeout is 0/)
  end

  describe Karafka::Cli::Doctor::Probe do
    # What a server does with each connection.
    def probe(tls: false, seconds: 5, mechanism: nil, &behaviour)
      server = TCPServer.new("127.0.0.1", 0)
      serving = Thread.new do
        loop do
          connection = server.accept
          behaviour.call(connection)
          connection.close
        end
      end
      described_class.new("127.0.0.1", server.addr[1], tls: tls, seconds: seconds, mechanism: mechanism).call
    ensure
      serving&.kill&.join
      server&.close
    end

    it "tells what is no Kafka, and who does not answer, in time" do
      expect(probe { |connection| connection.write("HTTP/1.1 400 Bad Request\r\n\r\n") }.state).to eq(:other)
      expect(probe(tls: true) { |connection| connection.write("rubbish") }.state).to eq(:other)
      expect(probe(&:close_write).state).to eq(:other)
      expect(probe { |connection| connection.write([2**31].pack("N")) }.state).to eq(:other)
      expect(probe { |connection| connection.write([10, 1, 0, 70_000].pack("NNnN")) }.state).to eq(:other)
      began = Karafka::Clock.now
      expect(probe(seconds: 0.3) { |connection| connection.wait_readable(5) && connection.read(100_000) }.state).to eq(:silent)
      expect(Karafka::Clock.now - began).to be < 5
    end

    # Answers each question with the next of these texts.
    def answering(*answers, **options)
      probe(**options) do |connection|
        answers.each do |answer|
          size = connection.read(4)&.unpack1("N")
          # Nothing comes any more, or TLS.
          break if size.nil? || size > 1_000

          connection.read(size)
          connection.write([answer.bytesize + 4, 1].pack("NN") + answer)
        end
      end
    end

    versions = [0, 1, 3, 0, 12].pack("nNnnn")

    it "tells which requests are taken, which brokers there are, and whether a login is wanted" do
      brokers = [2, 1, 3, "one", 9_092, -1, 2, 3, "two", 9_093, 1, "a"].pack("NNna*Ns>Nna*Ns>a*")
      answer = answering(versions, brokers)
      expect(answer.to_a).to eq([:kafka, nil, { 3 => 12 }, [[1, "one", 9_092], [2, "two", 9_093]]])
      expect(answering(versions).state).to eq(:login)
      expect(answering(versions, [5].pack("N")).state).to eq(:other)
    end

    it "tells whether the mechanism of a login is taken" do
      offered = [33, 2, 5, "PLAIN", 13, "SCRAM-SHA-256"].pack("nNna*na*")
      expect(answering(versions, offered, mechanism: "GSSAPI").to_a.first(2)).to eq([:mechanism, "PLAIN, SCRAM-SHA-256"])
      expect(answering(versions, [0, 1, 5, "PLAIN"].pack("nNna*"), mechanism: "PLAIN").state).to eq(:kafka)
      expect(answering(versions, [34, 0].pack("nN"), mechanism: "PLAIN").state).to eq(:no_login)
      expect(answering(versions, mechanism: "PLAIN").state).to eq(:no_login)
    end

    it "tells where nothing listens" do
      port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
      expect(described_class.new("127.0.0.1", port, tls: false, seconds: 5).call.state).to eq(:refused)
      expect(described_class.new("nowhere.invalid", 1, tls: false, seconds: 5).call.state).to eq(:unresolved)
    end
  end
end
