# frozen_string_literal: true

RSpec.describe Karafka::Cli::Terminal do
  # @return [IO] a pipe that nobody reads any more
  def broken_pipe
    reader, writer = IO.pipe
    reader.close
    writer.sync = true
    writer
  end

  it "goes on without a reader that has ended, and says so" do
    terminal = described_class.new(out: broken_pipe)
    expect(terminal).not_to be_closed
    2.times { terminal.say("deleted") }
    terminal.table(%w[topic], [["orders"]])
    expect(terminal).to be_closed
  end

  it "lets other failures through, such as a full disk" do
    File.open("/dev/full", "w") do |full|
      full.sync = true
      expect { described_class.new(out: full).say("deleted") }.to raise_error(Errno::ENOSPC)
    end
  end
end
