# frozen_string_literal: true

require "support/ruby_rooms"

RSpec.describe RubyRooms do
  def upward(path, source)
    described_class.upward(path, source, "Messages" => "messages", "Server" => "server", "App" => "app", "Worker" => "runtime")
  end

  it "reports a use of a room above, with its line, also within a text" do
    source = "# Server\nmodule Karafka\n  x = Karafka::Worker\n  y = \"\#{Server.name} Server\"\nend\n"
    expect(upward("messages/message.rb", source)).to eq(
      ["messages/message.rb:3: messages uses Worker of runtime, which is above it",
       "messages/message.rb:4: messages uses Server of server, which is above it"]
    )
  end

  it "lets a room use what is below it, beside it, or everywhere, and names of its own" do
    expect(upward("runtime/worker.rb", "Messages; Server; App")).to eq([])
    expect(upward("setup/config.rb", "class Server; end\nsetting :server, Server")).to eq([])
  end

  it "finds nothing in lib, and knows each of its entries" do
    expect([described_class.findings, described_class.strangers]).to eq([[], []])
  end

  it "finds a place that one can take in at a glance" do
    expect(Dir.children(described_class::LIB).size).to be <= 35
  end
end
