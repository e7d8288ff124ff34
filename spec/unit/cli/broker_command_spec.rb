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
    allow(Karafka::EngineFacts).to receive(:mock_broker).and_return(broker)
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

  it "refuses what it cannot do, before it starts" do
    ["a:0", "a:x", "a:", "a:9999"].each do |entry|
      expect { run(topics: [entry]) }.to raise_error(Karafka::Errors::CommandError, /--topics #{entry}: write NAME or NAME:PARTITIONS/)
    end
    expect { run(topics: ["a b:1"]) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /--topics is "a b"/)
    expect { run(brokers: 0) }.to raise_error(Karafka::Errors::CommandError, /--brokers is 0/)
    expect(Karafka::EngineFacts).not_to have_received(:mock_broker)
  end
end
