# frozen_string_literal: true

require "spec_helper"
require "tmpdir"
require "karafka/cli"

RSpec.describe Karafka::Cli::Replay::Lock do
  around { |example| Dir.mktmpdir { |directory| (@directory = directory) && example.run } }

  def lock(group = "karafka-replay-a", cluster = "c") = described_class.new(cluster, group, directory: @directory)
  def refused = raise_error(Karafka::Errors::CommandError, /\Akarafka-replay-a runs already: process \d+ of \S+, since \d{4}-/)

  # A process that holds it until it is killed.
  def holder
    reader, writer = IO.pipe
    pid = fork do
      lock.hold do
        writer.puts("held")
        sleep
      end
    end
    writer.close
    expect(reader.gets).to eq("held\n")
    pid
  end

  it "is held by one at a time, for each replay of each cluster" do
    lock.hold do
      expect { lock.hold { raise "both" } }.to refused
      expect(lock("karafka-replay-b").hold { :b }).to eq(:b)
      expect(lock("karafka-replay-a", "d").hold { :d }).to eq(:d)
    end
    expect(lock.hold { :again }).to eq(:again)
  end

  it "names the process that has it, and is free at once after kill -9" do
    pid = holder
    expect { lock.hold { raise "both" } }.to raise_error(Karafka::Errors::CommandError, /process #{pid} of/)
    Process.kill("KILL", pid)
    Process.wait(pid)
    expect(lock.hold { :mine }).to eq(:mine)
  ensure
    Process.kill("KILL", pid) if pid && $ERROR_INFO
  end

  it "says so where the file of another user cannot be opened" do
    allow(File).to receive(:open).and_raise(Errno::EACCES)
    expect { lock.hold { raise "ran" } }.to raise_error(Karafka::Errors::CommandError, /another user has run karafka-replay-a/)
  end
end
