# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"
require_relative "../../support/command_in_process"

RSpec.describe Karafka::Cli::ProduceCommand do
  include_context "with commands in this process"

  # Nothing listens at port 1, so what is sent waits for as long as the command does.
  command = [RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), File.expand_path("../../../exe/karafka", __dir__),
             "produce", "orders", "--brokers", "127.0.0.1:1"]

  # @return [Array(Process::Status, String, Float)] the last is how long it took to end, seconds
  def interrupt(command, signal, input)
    Dir.mktmpdir do |dir|
      Open3.popen3({ "BUNDLE_GEMFILE" => nil, "RUBYOPT" => nil, "KARAFKA_ENV" => nil }, *command, chdir: dir) do |stdin, _, err, thread|
        stdin.write(input)
        # It logs that no broker is reached once it has sent something.
        err.gets
        Process.kill(signal, thread.pid)
        began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        [thread.value, err.read, Process.clock_gettime(Process::CLOCK_MONOTONIC) - began]
      end
    end
  end

  %w[INT TERM].each do |signal|
    it "ends soon after #{signal}, and says what was delivered" do
      status, err, seconds = interrupt(command, signal, "one\ntwo\n")
      expect(err.lines.last).to match(/\Akarafka: stopped: 0 of 2 messages were delivered\. 2: .*Connection refused/)
      expect([status.exitstatus, seconds]).to match([1, (be < 10)])
    end
  end

  describe "a line of JSON that is wrong" do
    # @return [String] the error
    def sent(last, **more)
      producer = WaterDrop::Producer.new { |config| config.deliver = false }
      allow(Karafka::Cli::BulkProducer).to receive(:build).and_return(producer)
      lines = StringIO.new("#{%({"payload":"a"}\n) * 1_001}#{last}\n")
      options = { brokers: "127.0.0.1:1", format: "json", **more }
      described_class.new("orders", [], options, input: lines, err: StringIO.new).call
    rescue Karafka::Errors::CommandError => e
      e.message
    end

    it "ends the command, which says how many lines before it were sent" do
      expect(sent("nonsense")).to eq('the line "nonsense" is no message: it is no JSON. 1000 lines were sent before it')
      expect(sent('{"payload":1,"key":5}'))
        .to eq("line 1002: message[:key] must be a String or nil, not Integer. 1000 lines were sent before it")
    end
  end
end
