# frozen_string_literal: true

require "stringio"

RSpec.describe Karafka::Cli::Groups::LagReport do
  let(:admin) do
    instance_double(Karafka::Admin, read_lags_with_offsets: { "shop" => { "orders" => { 0 => { offset: 5, lag: 0 } } } })
  end

  def report(out, **options)
    described_class.new(options, terminal: Karafka::Cli::Terminal.new(out: out), admin: admin)
  end

  it "prints it again until nobody reads any more" do
    reader, writer = IO.pipe
    writer.sync = true
    thread = Thread.new { report(writer, watch: 0.01).call("shop") }
    expect(Array.new(2) { reader.gets }.last).to eq("shop   orders           1    0\n")
    reader.close
    expect(thread.join(10)&.value).to eq(0)
  end

  it "refuses an interval that is none before it asks anybody" do
    [0, -1].each do |watch|
      out = StringIO.new
      expect { report(out, watch: watch).call("shop") }.to raise_error(Karafka::Errors::CommandError, /--watch is #{watch}: it must/)
      expect(out.string).to eq("")
    end
  end
end
