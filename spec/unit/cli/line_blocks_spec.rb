# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"

RSpec.describe Karafka::Cli::LineBlocks do
  def blocks(io) = [].tap { |found| described_class.each(io) { |block| found << block } }

  it "gives whole lines, also where they are longer than what is read at once" do
    text = "a\n\n#{"b" * 600_000}\nc\xFF\r\nlast".b
    found = blocks(StringIO.new(text))
    expect(found.join).to eq(text)
    expect(found[0..-2]).to all(end_with("\n"))
    expect(blocks(StringIO.new(""))).to eq([])
  end

  it "does not wait for the rest of a line, or for more lines, before it gives those that are there" do
    reader, writer = IO.pipe
    got = Queue.new
    thread = Thread.new { described_class.each(reader) { |block| got << block } }
    writer.write("one\ntw")
    expect(got.pop).to eq("one\n")
    writer.write("o\n")
    expect(got.pop).to eq("two\n")
    writer.write("three")
    writer.close
    expect(got.pop).to eq("three")
    thread.join
  end
end
