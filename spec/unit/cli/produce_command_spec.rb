# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"
require_relative "../../support/command_in_process"

RSpec.describe Karafka::Cli::ProduceCommand do
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
end
