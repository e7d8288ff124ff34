# frozen_string_literal: true

require "stringio"

RSpec.describe Karafka::Cli::BrokerCommand do
  let(:out) { StringIO.new }
  let(:broker) do
    Class.new do
      attr_reader :topics, :closed

      def bootstrap_servers = "127.0.0.1:4711"
      def create_topic(*arguments) = (@topics ||= []) << arguments
      def close = @closed = true
    end.new
  end

  # Runs it until it waits, then ends it as TERM does.
  def run(signal: "TERM", **options)
    allow(Karafka::Librdkafka).to receive(:mock_broker).and_return(broker)
    command = described_class.new(options.transform_keys(&:to_s), out: out)
    allow(command).to receive(:sleep) { raise SignalException, signal }
    command.call
  end

  %w[INT TERM].each do |signal|
    it "creates topics, says its address and ends with #{signal}" do
      expect(run(signal: signal, topics: ["a:4,b", "c:2"])).to eq(0)
      expect(broker.topics).to eq([["a", 4], ["b", 1], ["c", 2]])
      expect(out.string)
        .to include("127.0.0.1:4711", "topic a, 4 partitions", "topic b, 1 partition\n", "\"bootstrap.servers\": \"127.0.0.1:4711\"")
      expect(broker.closed).to be(true)
    end
  end

  it "writes its address to a file, whole" do
    Dir.mktmpdir do |directory|
      run(address_file: File.join(directory, "address"))
      expect(File.read(File.join(directory, "address"))).to eq("127.0.0.1:4711\n")
      expect(Dir.children(directory)).to eq(["address"])
    end
  end

  it "tells servers on this machine that it is the one, as long as it runs" do
    known = []
    allow(Karafka::Librdkafka).to receive(:mock_broker).and_return(broker)
    command = described_class.new({}, out: out)
    allow(command).to receive(:sleep) do
      known = ["127.0.0.1:4711", "localhost:4711", "127.0.0.1:4712", "10.0.0.1:4711", "127.0.0.1:4711,127.0.0.1:4712", ""]
              .map { |servers| Karafka::BuiltInBroker.at?(servers) }
      raise SignalException, "TERM"
    end
    command.call
    expect([known, Karafka::BuiltInBroker.at?("127.0.0.1:4711")]).to eq([[true, true, false, false, false, false], false])
  end

  it "is not taken for one that was killed" do
    gone = Process.wait(spawn("true")) && $?.pid # rubocop:disable Style/SpecialGlobalVars
    file = File.join(Dir.tmpdir, "karafka-broker-4713")
    File.write(file, gone.to_s)
    expect(Karafka::BuiltInBroker.at?("127.0.0.1:4713")).to be(false)
  ensure
    FileUtils.rm_f(file)
  end

  it "refuses what it cannot do, before it starts" do
    ["a:0", "a:x", "a:", "a:9999"].each do |entry|
      expect { run(topics: [entry]) }.to raise_error(Karafka::Errors::CommandError, /--topics #{entry}: write NAME or NAME:PARTITIONS/)
    end
    [",", "", "a,", "a,,b"].each do |entry|
      expect { run(topics: [entry]) }.to raise_error(Karafka::Errors::CommandError, /--topics has an empty name: write NAME/), entry
    end
    expect { run(topics: ["a b:1"]) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /--topics is "a b"/)
    expect { run(brokers: 0) }.to raise_error(Karafka::Errors::CommandError, /--brokers is 0/)
    expect(Karafka::Librdkafka).not_to have_received(:mock_broker)
  end
end
